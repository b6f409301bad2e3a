"""Statistics of all tags over many windows at once.

Windows are contiguous segments of the samples' last axis, so every statistic is a few passes of numpy. Each segment
is reduced on its own and in its own order (`numpy.add.reduceat` sums a segment pairwise, in a way that depends only
on its length), so a window's values do not depend on what lies beside it. Differences of running totals would be
shorter to write, but lose digits with every sample that went before.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from andon.features.definition import Aggregate
from andon.features.segments import Floats, Ints, Segments


class Statistics:
    """All aggregates, each an array [tags, windows]; every intermediate is computed once, when first needed.

    Where there are too few good samples to compute a value, it is NaN. Where powers overflow (the kurtosis takes the
    fourth, so from deviations of about 1e75 on) it is infinite or NaN.
    """

    def __init__(self, values: Floats, seconds: Floats, segments: Segments, promised: Ints) -> None:
        """Take the samples.

        Args:
            values: [tags, samples], ordered by window and event time; NaN where there is no good sample.
            seconds: event time of each sample since the window's start; distinct within a window.
            segments: the windows.
            promised: samples that each window has, or should have if that is more.
        """
        self._values, self._seconds, self._segments, self._promised = values, seconds, segments, promised
        self._is_good = ~np.isnan(values)

    def __getitem__(self, aggregate: Aggregate) -> Floats:
        """Return an aggregate, [tags, windows]."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
            return _FORMULAS[aggregate](self)

    @cached_property
    def good(self) -> Floats:
        """Number of good samples."""
        return self._segments.sum(self._is_good.astype(np.float64))

    @cached_property
    def minimum(self) -> Floats:
        """Smallest value."""
        return self._segments.smallest(self._values)

    @cached_property
    def maximum(self) -> Floats:
        """Largest value."""
        return self._segments.largest(self._values)

    @cached_property
    def mean(self) -> Floats:
        """Arithmetic mean; rounding never takes it out of [minimum, maximum], so a constant has no deviations."""
        mean = self._segments.sum(self._where_good(self._values)) / self.good
        return np.clip(mean, self.minimum, self.maximum)

    @cached_property
    def _deviations(self) -> Floats:
        return self._where_good(self._values - self._segments.spread(self.mean))

    @cached_property
    def _squares(self) -> Floats:
        return np.square(self._deviations)

    @cached_property
    def variance(self) -> Floats:
        """Second central moment (population)."""
        return self._segments.sum(self._squares) / self.good

    @cached_property
    def rms(self) -> Floats:
        """Root of the mean square, from moments about the mean: no digits cancel."""
        return np.sqrt(self.variance + np.square(self.mean))

    def std(self) -> Floats:
        """Sample standard deviation."""
        return np.sqrt(self.variance * (self.good / (self.good - 1)))

    def median(self) -> Floats:
        """Middle value, or the mean of the two in the middle."""
        padded = np.append(self._values, np.full((len(self._values), 1), np.nan), axis=-1)
        median = np.empty_like(self.good)
        for numbers, indices in self._segments.matrices():
            ordered = padded.take(indices, axis=-1)  # unlike an index, take leaves the last axis contiguous
            ordered.sort(axis=-1)  # NaN comes last
            good = self.good[:, numbers, None].astype(np.int64)
            middle = np.concatenate(((good - 1) // 2, good // 2), axis=-1)
            median[:, numbers] = np.take_along_axis(ordered, middle, axis=-1).sum(axis=-1) / 2
        return median

    def slope(self) -> Floats:
        """Least-squares slope over event time, both centred on their means."""
        mean = self._segments.sum(self._where_good(self._seconds)) / self.good
        centred = self._where_good(self._seconds - self._segments.spread(mean))
        return self._segments.sum(centred * self._deviations) / self._segments.sum(np.square(centred))

    def kurtosis(self) -> Floats:
        """Fourth standardised moment (population), 0 for a constant."""
        fourth = self._segments.sum(np.square(self._squares)) / self.good
        return _ratio(fourth, np.square(self.variance))

    def crest_factor(self) -> Floats:
        """Largest magnitude over rms, 0 where that is 0."""
        return _ratio(np.maximum(np.abs(self.minimum), np.abs(self.maximum)), self.rms)

    def good_ratio(self) -> Floats:
        """Good samples over those that there are, or should be."""
        return self.good / self._promised

    def _where_good(self, values: Floats) -> Floats:
        return np.where(self._is_good, values, 0.0)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, with 0 for a division by 0; NaN stays NaN."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)


_FORMULAS: dict[Aggregate, Callable[[Statistics], Floats]] = {
    Aggregate.MEAN: lambda found: found.mean,
    Aggregate.STD: Statistics.std,
    Aggregate.MIN: lambda found: found.minimum,
    Aggregate.MAX: lambda found: found.maximum,
    Aggregate.MEDIAN: Statistics.median,
    Aggregate.SLOPE: Statistics.slope,
    Aggregate.RMS: lambda found: found.rms,
    Aggregate.PEAK_TO_PEAK: lambda found: found.maximum - found.minimum,
    Aggregate.KURTOSIS: Statistics.kurtosis,
    Aggregate.CREST_FACTOR: Statistics.crest_factor,
    Aggregate.GOOD_RATIO: Statistics.good_ratio,
}
