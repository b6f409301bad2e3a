"""A model tried again on spoiled copies of a recording, through the code that makes its windows in production."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from andon.evaluation import Figures
from andon.evaluation.disturb import MISSING_SHARES, NOISE_LEVELS, with_dead_sensor, with_gaps, with_noise
from andon.evaluation.record import Floats

#: A line of a chart: points of level and figure.
Line = list[tuple[float, float]]


def robustness(
    frames: pl.DataFrame, tags: Sequence[str], judge: Callable[[pl.DataFrame], Figures]
) -> dict[str, dict[str, Line]]:
    """Return F1, FAR and MAR by level of noise, by share of missing samples, and by sensor that hangs (0: none).

    Args:
        frames: asset, time and values (a struct of tags), as recorded.
        tags: those that are spoiled.
        judge: gives the figures of a model on frames.
    """
    values = frames["values"].struct.unnest().select(tags).cast(pl.Float64).to_numpy()
    spread = np.nan_to_num(np.nanstd(values, axis=0))

    def judged(changed: Floats) -> Figures:
        return judge(with_values(frames, tags, changed))

    noise = {level: judged(with_noise(values, level, spread, np.random.default_rng(0))) for level in NOISE_LEVELS}
    gaps = {share: judged(with_gaps(values, share, np.random.default_rng(0))) for share in MISSING_SHARES}
    dead = {float(n + 1): judged(hanging(frames["asset"], values, n)) for n in range(len(tags))}
    numbered = ", ".join(f"{n + 1} {tag}" for n, tag in enumerate(tags))
    return {
        "noise, in standard deviations": _lines(noise),
        "share of missing samples": _lines(gaps),
        f"sensor that hangs (0 none, {numbered})": _lines({0.0: noise[0.0]} | dead),
    }


def with_values(frames: pl.DataFrame, tags: Sequence[str], values: Floats) -> pl.DataFrame:
    """Return frames with other values ``[n, tags]``, NaN where missing."""
    columns = [pl.Series(tag, values[:, number], nan_to_null=True) for number, tag in enumerate(tags)]
    return frames.with_columns(values=frames["values"].struct.unnest().with_columns(columns).to_struct())


def hanging(assets: pl.Series, values: Floats, column: int) -> Floats:
    """Return values ``[n, d]`` in which a sensor of every asset hangs."""
    changed = values.copy()
    for asset in assets.unique():
        mine = (assets == asset).to_numpy()
        changed[mine] = with_dead_sensor(values[mine], column)
    return changed


def _lines(found: Mapping[float, Figures]) -> dict[str, Line]:
    rows = found.items()
    return {
        "F1": [(level, row.f1) for level, row in rows],
        "FAR": [(level, row.far) for level, row in rows],
        "MAR": [(level, row.mar) for level, row in rows],
    }
