"""At most so many false alarms per machine and week: promised on a short calibration, kept for months."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from andon.clock import SECOND
from andon.errors import TrainingError
from services.trainer.budget import (
    FEWEST_SCORES,
    alarms_per_week,
    block_length,
    budget_threshold,
    regime_thresholds,
    stretches_of,
)
from services.trainer.scaling import Float64

STEP = 60 * SECOND
DAY, WEEK = 1_440, 10_080  # windows


def scores(count: int, memory: float, random: np.random.Generator, size: float = 1.0) -> Float64:
    """Return squared distances of a slow process in three dimensions: autocorrelated, with a chi-squared tail."""
    steps = random.normal(size=(count, 3)) * np.sqrt(1 - memory**2)
    state = np.empty((count, 3))
    state[0] = random.normal(size=3)
    for row in range(1, count):
        state[row] = memory * state[row - 1] + steps[row]
    return np.asarray(size * (state**2).sum(axis=1) / 11.3)  # 1 at about the 99 % quantile


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_the_budget_is_kept_in_the_weeks_after_a_calibration_of_two_days(memory: float) -> None:
    random = np.random.default_rng(1)
    later = scores(10 * WEEK, memory, random)
    achieved = []
    for _ in range(15):
        threshold = budget_threshold([scores(2 * DAY, memory, random)], 1.0, STEP)
        achieved.append(alarms_per_week([later], threshold, STEP))
    assert np.mean(np.array(achieved) <= 1.0) >= 0.8
    assert max(achieved) <= 3.0


def test_what_the_calibration_shows_is_respected() -> None:
    calibration = scores(WEEK, 0.5, np.random.default_rng(2))
    for budget in (1.0, 10.0, 100.0):
        threshold = budget_threshold([calibration], budget, STEP)
        higher = calibration[calibration >= threshold]
        assert all(alarms_per_week([calibration], each, STEP) <= budget for each in [threshold, *higher])


def test_a_smaller_budget_raises_the_threshold_and_the_same_seed_gives_the_same() -> None:
    calibration = [scores(DAY, 0.9, np.random.default_rng(3))]
    rare, often = budget_threshold(calibration, 0.1, STEP), budget_threshold(calibration, 50.0, STEP)
    assert rare > often >= 1
    assert rare == budget_threshold(calibration, 0.1, STEP)


def test_blocks_are_longer_than_the_scores_remember() -> None:
    random = np.random.default_rng(4)
    short, long = (block_length([scores(5_000, memory, random)]) for memory in (0.0, 0.95))
    assert short < 10 < 30 < long


def test_each_regime_has_its_threshold_and_a_short_one_the_highest() -> None:
    random = np.random.default_rng(5)
    idle, busy, odd = scores(DAY, 0.5, random), scores(DAY, 0.5, random, size=4.0), np.ones(5)
    regime = ["idle"] * DAY + ["busy"] * DAY + ["odd"] * 5
    rows = pl.DataFrame({"asset": "a", "score": np.concatenate([idle, busy, odd]), "regime": regime})
    found = regime_thresholds(rows.with_columns(time=pl.int_range(rows.height) * STEP), once_a_week)
    assert found["busy"] > 2 * found["idle"]
    assert found["odd"] == found["busy"]


def once_a_week(rows: pl.DataFrame) -> float:
    return budget_threshold(stretches_of(rows, STEP), 1.0, STEP)


def test_stretches_end_where_windows_are_missing() -> None:
    rows = pl.DataFrame({"asset": list("aaaab"), "time": [0, 1, 5, 6, 7], "score": [0.0, 1.0, 2.0, 3.0, 4.0]})
    assert [part.tolist() for part in stretches_of(rows, 1)] == [[0, 1], [2, 3], [4]]


def test_too_little_to_calibrate_with_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"10 windows .* record 1200 s more"):
        budget_threshold([np.ones(10)], 1.0, STEP)
    few = pl.DataFrame({"asset": "a", "time": [0], "score": [1.0], "regime": "idle"})
    with pytest.raises(TrainingError, match=f"no regime has the {FEWEST_SCORES} windows"):
        regime_thresholds(few, once_a_week)
