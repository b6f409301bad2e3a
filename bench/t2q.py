"""The reference detector: PCA with Hotelling's T2 and Q, each with its own limit.

As on SKAB's board: components that explain 85 % of the variance, both limits at 99.9 %, statistics smoothed by the
median of the last five rows. The limit of T2 is that of Tracy, Young and Mason 1992 (Multivariate control charts for
individual observations), that of Q of Jackson and Mudholkar 1979 (Control procedures for residuals associated with
principal component analysis), in which the board takes powers of the sum of the residual variances where the paper
sums their powers. `textbook` chooses the paper's, which finds more and raises more false alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from andon.evaluation.record import Bools, Floats

EXPLAINED, CONFIDENCE, SMOOTHED = 0.85, 0.999, 5


@dataclass(frozen=True, slots=True)
class T2Q:
    """A fitted reference detector of the `moving` columns; `score` is above 1 where T2 or Q is above its limit."""

    moving: Bools
    mean: Floats
    std: Floats
    directions: Floats
    variances: Floats
    limits: tuple[float, float]

    def statistics(self, values: Floats) -> tuple[Floats, Floats]:
        """Return T2 ``[n]`` and Q ``[n]`` of rows ``[n, d]``."""
        z = (values[:, self.moving] - self.mean) / self.std
        along = z @ self.directions
        rest = z - along @ self.directions.T
        return (along**2 / self.variances).sum(axis=1), (rest**2).sum(axis=1)

    def score(self, values: Floats) -> Floats:
        """Return ``[n]`` the larger of both smoothed statistics, each divided by its limit."""
        parts = zip(self.statistics(values), self.limits, strict=True)
        return np.maximum(*(trailing_median(statistic) / limit for statistic, limit in parts))


def fit_t2q(normal: Floats, *, textbook: bool = False) -> T2Q:
    """Fit the reference detector to normal rows ``[n, d]``; columns that rest in them are left out, as on the board."""
    moving = normal.std(axis=0) > 0
    normal = normal[:, moving]
    mean, std = normal.mean(axis=0), normal.std(axis=0)
    variances, directions = np.linalg.eigh(np.cov(((normal - mean) / std).T))
    variances, directions = variances[::-1], directions[:, ::-1]
    k = int(np.searchsorted(np.cumsum(variances) / variances.sum(), EXPLAINED)) + 1
    limits = (_t2_limit(len(normal), k), _q_limit(variances[k:], textbook=textbook))
    return T2Q(moving, mean, std, directions[:, :k], variances[:k], limits)


def trailing_median(statistic: Floats) -> Floats:
    """Return the median of each value and the four before it; 0 where there are not four."""
    smoothed = np.zeros(len(statistic))
    smoothed[SMOOTHED - 1 :] = np.median(np.lib.stride_tricks.sliding_window_view(statistic, SMOOTHED), axis=1)
    return smoothed


def _t2_limit(n: int, k: int) -> float:
    return float(k * (n - 1) * (n + 1) / (n * (n - k)) * stats.f.ppf(CONFIDENCE, k, n - k))


def _q_limit(residual: Floats, *, textbook: bool) -> float:
    if not len(residual):  # the components explain everything, nothing is left for Q to show
        return np.inf
    one, two, three = ((residual**power).sum() if textbook else residual.sum() ** power for power in (1, 2, 3))
    h = 1 - 2 * one * three / (3 * two**2)
    inner = 1 + stats.norm.ppf(CONFIDENCE) * h * np.sqrt(2 * two) / one + two * h * (h - 1) / one**2
    return float(one * inner ** (1 / h))
