"""The threshold keeps to its budget of false alarms, on periods that it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.trainer.threshold import HEAVIEST_TAIL, PRIOR_TAIL, choose_threshold, tail_index

Float64 = NDArray[np.float64]
Scores = Callable[[int, np.random.Generator], Float64]

BUDGET = 0.001


def chi_squared(count: int, random: np.random.Generator) -> Float64:
    """Scores of normally distributed features."""
    return random.chisquare(8, count) / 8


def heavy(count: int, random: np.random.Generator) -> Float64:
    """Scores of features with heavy tails."""
    return 1 + random.standard_t(5, count) ** 2 / 5


def sluggish(count: int, random: np.random.Generator) -> Float64:
    """Scores of features that change slowly: each has a correlation of 0.9 with the one before."""
    steps = random.normal(size=(count, 8)) * np.sqrt(1 - 0.9**2)
    state = np.zeros(8)
    squares = np.empty(count)
    for row, step in enumerate(steps):
        state = 0.9 * state + step
        squares[row] = (state**2).mean()
    return squares


@pytest.mark.parametrize("scores", [chi_squared, heavy, sluggish])
@pytest.mark.parametrize("calibration", [30, 300])
def test_the_budget_holds_over_many_calibrations(scores: Scores, calibration: int) -> None:
    random = np.random.default_rng(1)
    later = scores(20_000, random)
    rates = [(later > choose_threshold(scores(calibration, random), BUDGET)[0]).mean() for _ in range(40)]
    # Thirty windows cannot show what one in a thousand looks like; the prior keeps the error to a small factor.
    assert np.median(rates) <= (3 if calibration == 300 else 10) * BUDGET


def test_the_threshold_is_not_far_beyond_what_is_needed() -> None:
    random = np.random.default_rng(2)
    needed = np.quantile(chi_squared(200_000, random), 1 - BUDGET)
    chosen = [choose_threshold(chi_squared(300, random), BUDGET)[0] for _ in range(40)]
    assert np.median(chosen) < 1.5 * needed


def test_the_tail_of_a_power_law_is_found_and_trusted_with_enough_evidence() -> None:
    pareto = (1 - np.random.default_rng(3).random(20_000)) ** -0.35
    assert tail_index(pareto, float(np.quantile(pareto, 0.9))) == pytest.approx(0.35, abs=0.02)


def test_one_run_of_high_scores_is_one_piece_of_evidence() -> None:
    scores = np.ones(100)
    scattered, run = scores.copy(), scores.copy()
    scattered[::10] = run[40:50] = 3.0
    assert PRIOR_TAIL < tail_index(run, 1.0) < tail_index(scattered, 1.0) <= HEAVIEST_TAIL


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=2, max_size=60).map(np.array),
    st.floats(1e-5, 0.2),
    st.floats(1.01, 10),
)
def test_a_smaller_budget_never_lowers_a_threshold_that_is_finite_and_sane(
    scores: Float64, budget: float, factor: float
) -> None:
    threshold, tail = choose_threshold(scores, budget)
    assert np.isfinite(threshold)
    assert threshold >= 1
    assert 0 <= tail <= HEAVIEST_TAIL
    assert choose_threshold(scores, budget / factor)[0] >= threshold
    assert (scores > threshold).mean() <= budget + 1 / len(scores)
