"""What signals foretell of each other, and how honestly a reference is foretold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from andon.models import Reference
from services.drift.relations import Relations
from tests.drift.pumps import NAMES, PUMP, normal

FEATURES = PUMP.feature_definition.features
HALF = 400


def reference(moved: float = 0.0) -> Reference:
    """Two halves of normal operation, in the second of which the flow lies higher by so many units."""
    values = np.concatenate([normal(HALF, 1), normal(HALF, 2)])
    values[HALF:, NAMES.index("flow_mean")] += moved
    keys = {"asset": "hall/pump-1", "regime": "", "score": 1.0}
    frame = pl.DataFrame(values, schema=list(NAMES), orient="row").with_columns(
        time=pl.int_range(len(values), dtype=pl.Int64), **{name: pl.lit(value) for name, value in keys.items()}
    )
    return Reference.of(frame, NAMES)


def test_a_busy_day_is_no_surprise_and_a_signal_that_leaves_the_others_is() -> None:
    known = reference()
    relations = Relations.of(known, FEATURES)
    busy, torn = known.values.copy(), known.values.copy()
    levels = [NAMES.index(f"{tag}_mean") for tag in ("flow", "pressure", "power", "speed")]
    size = known.values[:, levels].std(axis=0)
    busy[:, levels] += 2 * size
    torn[:, levels[0]] += 2 * size[0]
    plain, with_load, alone = (
        relations.watched(known.keys, each)["flow_mean"].mean() for each in (known.values, busy, torn)
    )
    assert plain == pytest.approx(0, abs=0.05)
    assert abs(float(with_load or 0)) < 0.25 * size[0]  # type: ignore[arg-type]
    assert float(alone or 0) == pytest.approx(2 * size[0], rel=0.05)  # type: ignore[arg-type]


def test_what_differs_between_the_halves_of_a_reference_shows_in_full() -> None:
    known = reference(moved=1.0)
    honest = Relations.foretold(known, FEATURES)["flow_mean"].to_numpy()
    flattering = Relations.of(known, FEATURES).watched(known.keys, known.values)["flow_mean"].to_numpy()
    assert honest[HALF:].mean() - honest[:HALF].mean() > 1.5 * (flattering[HALF:].mean() - flattering[:HALF].mean())
    assert honest[HALF:].mean() == pytest.approx(1.0, abs=0.2)


def test_a_reference_keeps_its_windows_and_their_order() -> None:
    known = reference()
    told = Relations.foretold(known, FEATURES)
    assert told.select("asset", "time", "regime", "score").equals(known.keys)
