"""The reference cut into what an autoregressive model can learn from: one matrix a machine and regime."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from services.drift.calibration.whitening import Floats

#: A pause of more than this many steps breaks a stretch: what comes after it owes nothing to what was before.
LONG = 3


def long_gap(step: int) -> int:
    """Return the longest time between windows that still follow each other, microseconds."""
    return LONG * step


def stretches(reference: pl.DataFrame, streams: list[str], step: int) -> dict[tuple[str, str], Floats]:
    """Return the streams of each machine and regime, [rows, streams] in time order.

    Args:
        reference: `asset`, `time` (microseconds), `regime` (String, null where there are no regimes) and the streams.
        streams: names of the columns to take.
        step: time between a machine's windows, microseconds.

    Returns:
        By asset and regime; a row of NaN stands where time is broken or another regime was in between.
    """
    ordered = (
        reference.sort("asset", "time")
        .unique(["asset", "time"], keep="first", maintain_order=True)
        .with_columns(
            pl.col("regime").fill_null(""),
            broken=(pl.col("time").diff() > long_gap(step)).over("asset")
            | (pl.col("regime") != pl.col("regime").shift()).over("asset"),
        )
    )
    parts = ordered.partition_by("asset", "regime", as_dict=True, maintain_order=True)
    return {(str(asset), str(regime)): _matrix(part, streams) for (asset, regime), part in parts.items()}


def _matrix(part: pl.DataFrame, streams: list[str]) -> Floats:
    values = part.select(pl.col(streams).cast(pl.Float64)).to_numpy()
    breaks: npt.NDArray[np.int64] = np.flatnonzero(part["broken"].fill_null(value=False).to_numpy())
    finite: Floats = np.where(np.isfinite(values), values, np.nan)
    return np.insert(finite, breaks, np.nan, axis=0)


def silence(values: Floats) -> npt.NDArray[np.int64]:
    """Return the most rows in a row in which a stream has no value though another one has, [streams]."""
    missing = ~np.isfinite(values[np.isfinite(values).any(axis=1)])
    number = np.arange(1, len(missing) + 1)[:, None]
    return np.asarray((number - np.maximum.accumulate(np.where(missing, 0, number), axis=0)).max(axis=0, initial=0))
