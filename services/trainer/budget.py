"""The threshold that keeps to a budget of false alarms: at most so many per machine and week, per regime.

An alarm is a run of windows above the threshold, so runs are counted, not windows. A week holds more windows than most
calibration periods, so the rate is extrapolated: runs above a level u come at the rate r(u), and above t > u at
r(u) (t / u)^(-1 / tail), with the tail index as in `services.trainer.threshold`.

Scores are autocorrelated: a calibration period of a day holds far fewer independent windows than windows, and its rate
and tail are uncertain accordingly. Both are computed of many periods put together of blocks of the real one (moving
blocks, on a circle; Politis and Romano 1992, A circular block-resampling procedure for stationary data), each longer
than scores remember, and the threshold is the one that keeps the budget in nine of ten of those periods. It is never
below what keeps it in the calibration period itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.errors import TrainingError
from andon.evaluation import intervals
from services.trainer.scaling import Float64, Int64
from services.trainer.threshold import LOWEST_THRESHOLD, TAIL_SHARE, tail_index

WEEK = 7 * 24 * 3_600 * SECOND
#: Share of the resampled periods in which the budget must hold, and how many of those there are.
CONFIDENCE, REPLICATES = 0.9, 200
#: Scores remember each other up to the lag at which their autocorrelation is below this; blocks are this much longer.
_FORGOTTEN, _BLOCK_MEMORIES = 0.1, 3
#: Fewer scores say nothing about alarms.
FEWEST_SCORES = 30


def budget_threshold(stretches: Sequence[Float64], per_week: float, step: int, *, seed: int = 0) -> float:
    """Return the threshold that normal scores exceed at most *per_week* times in a week of one machine.

    Args:
        stretches: scores of windows in order of time, one array for each uninterrupted stretch of a machine; of windows
            that the model was not fitted on, none negative.
        per_week: alarms allowed, > 0.
        step: distance between windows, microseconds.
        seed: of the resampling.

    Raises:
        TrainingError: there are fewer than `FEWEST_SCORES` scores.
    """
    scores = np.concatenate([*stretches, np.empty(0)])
    if len(scores) < FEWEST_SCORES:
        missing = (FEWEST_SCORES - len(scores)) * step / SECOND
        raise TrainingError(
            f"{len(scores)} windows to calibrate the budget of false alarms with, at least {FEWEST_SCORES} are needed: "
            f"record {missing:g} s more of normal operation"
        )
    level = max(float(np.quantile(scores, 1 - TAIL_SHARE)), np.finfo(np.float64).tiny)
    random, block = np.random.default_rng(seed), block_length(stretches)
    needed = [_needed(scores[rows], level, per_week, step) for rows in _resampled(len(scores), block, random)]
    return max(float(np.quantile(needed, CONFIDENCE)), _seen(stretches, per_week, step), LOWEST_THRESHOLD)


def alarms_per_week(stretches: Sequence[Float64], threshold: float, step: int) -> float:
    """Return how often scores exceed a threshold in a week of one machine; NaN without scores."""
    windows = sum(map(len, stretches))
    alarms = sum(len(intervals(stretch > threshold)) for stretch in stretches)
    return alarms * WEEK / (windows * step) if windows else float("nan")


def regime_thresholds(scores: pl.DataFrame, choose: Callable[[pl.DataFrame], float]) -> dict[str, float]:
    """Return the threshold of each regime, chosen for it alone, so that in each alarms are as rare as in the others.

    A regime with too few windows gets the highest threshold of the others: nothing is known that allows a lower one.

    Args:
        scores: columns asset, time (microseconds), score and regime (String), by asset and time.
        choose: gives the threshold for the scores of one regime.

    Raises:
        TrainingError: no regime has enough windows.
    """
    found: dict[str, float] = {}
    short: list[str] = []
    for (regime,), rows in scores.group_by("regime", maintain_order=True):
        if rows.height < FEWEST_SCORES:
            short.append(str(regime))
        else:
            found[str(regime)] = choose(rows)
    if not found:
        raise TrainingError(
            f"no regime has the {FEWEST_SCORES} windows to calibrate with ({', '.join(short)}): record more of normal "
            "operation, or use fewer regimes"
        )
    return found | dict.fromkeys(short, max(found.values()))


def stretches_of(scores: pl.DataFrame, step: int) -> list[Float64]:
    """Cut scores (asset, time, score; by asset and time) where the asset changes or windows are missing."""
    broken = (pl.col("asset") != pl.col("asset").shift()) | (pl.col("time").diff() != step)
    ends = np.flatnonzero(scores.select(broken.fill_null(value=False)).to_series().to_numpy())
    return np.split(scores["score"].to_numpy(), ends)


def block_length(stretches: Sequence[Float64]) -> int:
    """Return how many windows a block holds: several times as long as scores remember, at most a quarter of them."""
    scores = np.concatenate(stretches)
    ranks = scores.argsort().argsort() - (len(scores) - 1) / 2  # of ranks: a few large scores do not decide it
    lags = range(1, max(2, len(scores) // 4))
    variance = float(ranks @ ranks)
    memory = next((lag for lag in lags if ranks[lag:] @ ranks[:-lag] < _FORGOTTEN * variance), len(lags))
    return max(1, min(_BLOCK_MEMORIES * memory, len(scores) // 4))


def _resampled(count: int, block: int, random: np.random.Generator) -> Int64:
    """Return the rows ``[replicates, blocks, block]`` of resampled periods, as long as the real one."""
    starts = random.integers(count, size=(REPLICATES, -(-count // block)))
    return np.asarray((starts[:, :, None] + np.arange(block)) % count)


def _needed(blocks: Float64, level: float, per_week: float, step: int) -> float:
    """Return the threshold that keeps the budget in a resampled period ``[blocks, block]``."""
    apart = np.pad(blocks, ((0, 0), (0, 1)))  # runs end with their block
    runs = len(intervals(apart.ravel() > level))
    rate = runs * WEEK / (blocks.size * step)
    return float(level * max(1.0, rate / per_week) ** tail_index(apart.ravel(), level))


def _seen(stretches: Sequence[Float64], per_week: float, step: int) -> float:
    """Return the lowest score that, like every higher one, keeps the budget in the calibration period itself.

    A run above t begins where a score is above t and the one before it is not, so each rise from one score to the next
    counts for all thresholds between both.
    """
    before = np.concatenate([np.concatenate(([-np.inf], stretch[:-1])) for stretch in stretches if len(stretch)])
    scores = np.concatenate(stretches)
    rises = scores > before
    candidates = np.unique(scores)
    begun, ended = (np.searchsorted(np.sort(part[rises]), candidates, side="right") for part in (before, scores))
    allowed = per_week * len(scores) * step / WEEK
    too_many = np.flatnonzero(begun - ended > allowed)
    return float(candidates[too_many[-1] + 1] if len(too_many) else candidates[0])
