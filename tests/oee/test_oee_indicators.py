"""OEE as ISO 22400-2 has it: from frames to minutes, from minutes to indicators."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.plant import AssetClass
from andon.production.oee import MINUTE, Floats, indicators, minutes
from services.oee.report import Product

SECOND = 1_000_000
NAN = float("nan")


def press(**production: Any) -> AssetClass:
    tags: dict[str, Any] = {"parts": {"kind": "integer"}, "scrap": {"kind": "integer"}, "flow": {}, "heat": {}}
    given_production = {"produced": {"tag": "parts"}, **production}
    return AssetClass.model_validate({"tags": tags, "production": given_production})


class Given:
    """Samples of some frames; NaN is a sample that is not good."""

    def __init__(self, samples: dict[str, list[float]]) -> None:
        self.samples = samples

    def good(self, tag: str) -> Floats:
        return np.array(self.samples[tag], np.float64)


def of(seconds: list[int], state: str | list[str] = "running", **samples: list[float]) -> tuple[pl.DataFrame, Given]:
    frames = pl.DataFrame(
        {
            "asset_id": [1] * len(seconds),
            "time": [second * SECOND for second in seconds],
            "shift": ["early"] * len(seconds),
            "product": ["bolt"] * len(seconds),
            "state": [state] * len(seconds) if isinstance(state, str) else state,
        },
        schema_overrides={"asset_id": pl.Int64, "time": pl.Int64},
    )
    return frames, Given(samples)


def summed(rows: pl.DataFrame, column: str) -> dict[tuple[int, str | None], float]:
    return {(minute // MINUTE, state): value for minute, state, value in rows.select("minute", "state", column).rows()}


def test_a_state_lasts_until_the_next_frame() -> None:
    frames, samples = of([0, 1, 2, 3], ["running", "running", "idle", "idle"], parts=[0.0] * 4)
    assert summed(minutes(press(), frames, samples), "seconds") == {(0, "running"): 2.0, (0, "idle"): 2.0}


def test_time_without_frames_is_nobodys() -> None:
    frames, samples = of([0, 1, 30, 31], parts=[0.0] * 4)
    assert summed(minutes(press(), frames, samples), "seconds") == {(0, "running"): 4.0}


def test_a_frame_at_the_end_of_a_minute_reaches_into_the_next() -> None:
    frames, samples = of([59, 61], parts=[0.0, 0.0])
    assert summed(minutes(press(), frames, samples), "seconds") == {(0, "running"): 1.0, (1, "running"): 2.0}


def test_a_counter_counts_over_gaps_and_starts_again_from_nothing() -> None:
    frames, samples = of([0, 10, 20, 30, 40], parts=[5, 8, NAN, 2, 3])
    assert summed(minutes(press(), frames, samples), "produced") == {(0, "running"): 3 + 2 + 1}


def test_a_rate_is_summed_up() -> None:
    frames, samples = of([0, 1, 2], flow=[3_600.0, 1_800.0, NAN])
    rows = minutes(press(produced={"tag": "flow", "per": "1h"}), frames, samples)
    assert summed(rows, "produced") == {(0, "running"): pytest.approx(1.5)}


def test_what_is_out_of_specification_or_scrap_is_not_good() -> None:
    rules = {"scrap": {"tag": "scrap"}, "good_when": {"heat": {"below": 100}}}
    frames, samples = of([0, 1, 2, 3], parts=[0, 1, 2, 3], scrap=[0, 0, 0, 1], heat=[50, 50, 150, NAN])
    rows = minutes(press(**rules), frames, samples)
    assert summed(rows, "produced") == {(0, "running"): 3.0}
    assert summed(rows, "good") == {(0, "running"): 1.0}, "the second was too hot; of the third nothing is known"


def test_the_indicators_are_those_of_the_standard() -> None:
    seconds = {
        "running": 300.0,
        "idle": 40.0,
        "unplanned_stop": 50.0,
        "changeover": 10.0,
        "planned_stop": 80.0,
        None: 9.0,
    }
    found = indicators(seconds, produced=120.0, good=114.0, item_time=2.0)
    assert found.planned_busy_time == 400.0
    assert found.availability == pytest.approx(0.75)
    assert found.effectiveness == pytest.approx(0.8)
    assert found.quality_ratio == pytest.approx(0.95)
    assert found.oee_index == pytest.approx(0.75 * 0.8 * 0.95)


@pytest.mark.parametrize(
    ("seconds", "produced", "item_time", "missing"),
    [
        ({"planned_stop": 60.0}, 0.0, 2.0, ("availability", "effectiveness", "quality_ratio", "oee_index")),
        ({"running": 60.0}, 10.0, None, ("effectiveness", "oee_index")),
        ({"running": 60.0}, 0.0, 2.0, ("quality_ratio", "oee_index")),
    ],
)
def test_what_cannot_be_known_is_null(
    seconds: dict[str | None, float], produced: float, item_time: float | None, missing: tuple[str, ...]
) -> None:
    found = indicators(seconds, produced, produced, item_time)
    names = ("availability", "effectiveness", "quality_ratio", "oee_index")
    assert tuple(name for name in names if getattr(found, name) is None) == missing


def test_a_products_own_run_time_is_per_the_plants_unit() -> None:
    assert Product("2s", None).seconds("kg") == 2.0
    assert Product("2s", "kg").seconds("t") == pytest.approx(2_000.0)
    assert Product(None, "kg").seconds("t") is None
    with pytest.raises(ValueError, match="does not convert"):
        Product("2s", "kg").seconds("m")


@given(
    seconds=st.lists(st.integers(0, 300), min_size=1, max_size=40, unique=True),
    states=st.lists(st.sampled_from(["running", "idle", None]), min_size=40, max_size=40),
    cut=st.integers(0, 5),
)
def test_minutes_computed_one_by_one_are_those_computed_at_once(
    seconds: list[int], states: list[str], cut: int
) -> None:
    """Each minute needs its own frames and those on both sides of it, nothing else."""
    seconds.sort()
    parts = [float(second // 2) for second in seconds]
    frames, samples = of(seconds, states[: len(seconds)], parts=parts)
    whole = minutes(press(), frames, samples).filter(pl.col("minute") == cut * MINUTE)
    inside = [at for at, second in enumerate(seconds) if cut * 60 <= second < cut * 60 + 60]
    before = [at for at, second in enumerate(seconds) if second < cut * 60][-1:]
    after = [at for at, second in enumerate(seconds) if second >= cut * 60 + 60][:1]
    some = before + inside + after
    part = minutes(press(), frames[some], Given({"parts": [parts[at] for at in some]}))
    part = part.filter(pl.col("minute") == cut * MINUTE)
    assert whole.sort("state", "seconds").rows() == part.sort("state", "seconds").rows()
