"""The threshold that keeps to a budget of false alarms.

The score that only one normal window in a thousand exceeds lies beyond most calibration periods, so it is
extrapolated: scores above a level u are taken to have a tail like a power, P(score > u r) = p r^(-1/xi) with p the
share above u, which is the heavy case and so the careful one (Weissman 1978, Estimation of parameters and large
quantiles based on the k largest observations). The tail index xi is Hill's estimator (1975), the mean of
log(score / u), with two corrections:

- Scores above u come in runs, since windows overlap and machines change slowly. A run says about as much as a single
  window, so evidence is counted in runs (Smith and Weissman 1994, Estimating the extremal index).
- A few runs say little, so they are averaged with a prior belief that is worth `PRIOR_RUNS` runs (the conjugate
  prior of exponential excesses). `PRIOR_TAIL` is the tail of a chi-squared variable with two degrees of freedom
  between its 99 % and 99.9 % quantiles; T2 and Q of normally distributed features have more, and a lighter tail.

A tail beyond `HEAVIEST_TAIL` (infinite variance) means that the calibration period is unlike the fitted one;
extrapolating it would silence the model. What the calibration period itself shows is always respected: the threshold
is no lower than its empirical quantile.

An alert opens only when windows are anomalous for `ModelSpec.open_after` without a break, so the scores that count
are the lowest of each stretch that long (`sustained_scores`): a step in demand that upsets one window then does not
raise the threshold for faults that last.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Share of the calibration scores that counts as the tail.
TAIL_SHARE = 0.1
PRIOR_TAIL = 0.18
PRIOR_RUNS = 10
HEAVIEST_TAIL = 0.5
#: Below a score of 1 both T2 and Q are inside their limits: no reason for an alarm.
LOWEST_THRESHOLD = 1.0


def sustained_scores(scores: pl.DataFrame, open_after: int, step: int) -> pl.DataFrame:
    """Return the lowest score over each stretch of windows that is just long enough to open an alert.

    Args:
        scores: columns asset, time (the window's end, microseconds) and score, by asset and time.
        open_after: how long windows must be anomalous without a break, microseconds.
        step: distance between windows, microseconds.

    Returns:
        Columns asset, time (the stretch's end) and score.
    """
    span = -(-open_after // step) * step
    time = pl.col("time")
    lowest = pl.col("score").rolling_min_by(time, window_size=f"{span + 1}i").over("asset")
    is_whole = time - time.min().over("asset") >= span
    return scores.select("asset", "time", lowest, is_whole.alias("is_whole")).filter("is_whole").drop("is_whole")


def choose_threshold(scores: NDArray[np.float64], false_alarm_rate: float) -> tuple[float, float]:
    """Return the threshold, and the tail index that it is extrapolated with.

    Args:
        scores: ``[m]`` of normal windows that the model was not fitted on, in order of time; m >= 2, none negative.
        false_alarm_rate: share of normal windows that may score above the threshold.
    """
    level = float(np.sort(scores)[-1 - max(1, int(TAIL_SHARE * len(scores)))])
    tail = tail_index(scores, level)
    reach = max(1.0, float((scores > level).mean()) / false_alarm_rate)
    seen = float(np.quantile(scores, 1 - false_alarm_rate))
    return max(level * reach**tail, seen, LOWEST_THRESHOLD), tail


def tail_index(scores: NDArray[np.float64], level: float) -> float:
    """Return Hill's estimator of the tail above *level*, averaged with the prior by the number of runs."""
    above = scores > level
    runs = int(above[0]) + int((above[1:] & ~above[:-1]).sum())
    if runs == 0 or level <= 0:
        return PRIOR_TAIL
    observed = float((np.log(scores[above]) - np.log(level)).mean())
    return min((PRIOR_RUNS * PRIOR_TAIL + runs * observed) / (PRIOR_RUNS + runs), HEAVIEST_TAIL)
