"""Whether a figure that was sampled for a while grows: its slope, an interval for it, and what that says of a day.

Samples seconds apart resemble each other, so they are worth fewer than their number. The interval counts them as Santer
et al. do (Journal of Geophysical Research 105, 2000, 7337-7356): n samples whose residuals about the line have
autocorrelation r from one to the next are worth n (1 - r) / (1 + r), in the slope's standard error and in the degrees
of freedom of Student's t. What r of few samples falls short of is added (Kendall, Biometrika 41, 1954, 403-404).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

_DAY_S = 86_400.0
_CONFIDENCE = 0.95
#: So many samples say where a line lies, and nothing of how sure that is.
_BOUND = 2
#: Residuals more alike than this are taken for a random walk, of which no number of samples tells a slope.
_MOST_ALIKE = 0.99


class Verdict(StrEnum):
    """What a trend says of a limit."""

    FLAT = "flat"
    """Even at the interval's upper end, a day more stays below the limit."""
    GROWS = "grows"
    """The interval lies above zero, and its upper end reaches the limit within a day."""
    OPEN = "open"
    """Neither is shown: the samples are too few, or too restless."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through samples.

    Attributes:
        level: their median.
        slope: of the line, per second.
        low: lower end of the slope's 95 % interval.
        high: its upper end.
        worth: how many independent samples they are worth.
    """

    level: float
    slope: float
    low: float
    high: float
    worth: float

    def in_a_day(self) -> float:
        """Return what a day adds at the upper end of the interval."""
        return self.high * _DAY_S


def trend(seconds: ArrayLike, values: ArrayLike) -> Trend:
    """Return the trend of *values*, sampled at even steps of *seconds*; without an interval where none is known.

    Raises:
        ValueError: there are fewer than two samples.
    """
    at, of = np.asarray(seconds, np.float64), np.asarray(values, np.float64)
    if len(at) < _BOUND:
        raise ValueError(f"{len(at)} samples have no slope")
    level, about = float(np.median(of)), at - at.mean()
    spread = float(about @ about)
    slope = float(about @ of) / spread
    residuals = of - of.mean() - slope * about
    worth = _worth(residuals)
    if worth <= _BOUND:
        return Trend(level, slope, -np.inf, np.inf, worth)
    error = np.sqrt(float(residuals @ residuals) / (worth - _BOUND) / spread)
    half = float(student.ppf((1 + _CONFIDENCE) / 2, worth - _BOUND) * error)
    return Trend(level, slope, slope - half, slope + half, worth)


def judge(found: Trend, limit: float) -> Verdict:
    """Return what a trend says of a *limit* that the figure must not reach within a day."""
    if found.level + max(0.0, found.in_a_day()) < limit:
        return Verdict.FLAT
    return Verdict.GROWS if found.low > 0 else Verdict.OPEN


def _worth(residuals: NDArray[np.float64]) -> float:
    """Return the number of independent samples that have the information of these."""
    count = len(residuals)
    variance = float(residuals @ residuals)
    if count <= _BOUND or variance <= 1e-12 * count:
        return float(count)
    alike = float(residuals[1:] @ residuals[:-1]) / variance
    alike = min(_MOST_ALIKE, max(0.0, alike + (1 + 4 * alike) / count))
    return count * (1 - alike) / (1 + alike)
