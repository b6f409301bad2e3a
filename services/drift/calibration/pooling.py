"""Whether the machines of a reference are so alike that they can speak for one that is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from services.drift.calibration.scores import norm
from services.drift.calibration.whitening import Floats

#: Chance of calling equal machines unlike.
_ERROR = 0.01


def alike(scores: Sequence[Floats]) -> bool:
    """Test whether machines have the same means in every chart.

    By the sum of windows * mean^2 over machines, which is chi-squared for equal ones, since scores are whitened; the
    charts' results are held to `_ERROR` together (Bonferroni).

    Args:
        scores: of each machine, [windows, charts], by the whitening of all of them together; NaN is no score.
    """
    if len(scores) < 2:
        return False
    normed = norm(np.concatenate(scores))
    statistic = sum(_square(normed(each)) for each in scores)
    charts = max(1, int((normed.scale > 0).sum()))
    return bool(np.all(statistic <= _chi_squared(1 - _ERROR / charts, len(scores) - 1)))


def _square(scores: Floats) -> Floats:
    present = np.isfinite(scores)
    total = np.where(present, scores, 0.0).sum(axis=0)
    return np.asarray(total**2 / np.maximum(present.sum(axis=0), 1))


def _chi_squared(probability: float, freedom: int) -> float:
    """Return the quantile of the chi-squared law (Wilson and Hilferty 1931), to a per cent."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + NormalDist().inv_cdf(probability) * part**0.5) ** 3)
