"""How a signal moves within a window, and where it stands at the window's end."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from andon.clock import SECOND
from andon.features.feature import Feature, UnitRule
from andon.features.kinds.base import OfTags
from andon.features.samples import WindowSamples, steps
from andon.features.segments import Floats
from andon.units import Duration, format_duration


class Ewma(OfTags):
    """Exponentially weighted mean at the window's end, of the window's good samples only.

    A sample's weight is 0.5^(age / half_life), its age counted from the window's newest good sample (Roberts 1959,
    Control Chart Tests Based on Geometric Moving Averages; weighted by time, so uneven sampling does not matter).
    """

    half_life: Duration = Field(gt=0)
    """Age at which a sample counts half."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_ewma_<half life>`` of each tag."""
        statistic = f"ewma_{format_duration(self.half_life)}"
        return tuple(Feature(f"{tag}_{statistic}", (tag,), statistic) for tag in self.tags)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the weighted means, [tags, windows]."""
        values, segments = samples.numbers(self.tags), samples.segments
        good = ~np.isnan(values)
        newest = segments.largest(np.where(good, samples.seconds, np.nan))
        weight = np.where(good, np.exp2((samples.seconds - segments.spread(newest)) * SECOND / self.half_life), 0.0)
        mean = segments.sum(weight * np.where(good, values, 0.0)) / segments.sum(weight)
        return np.clip(mean, segments.smallest(values), segments.largest(values))


class Rate(OfTags):
    """How fast a signal moves from one good sample to the next: the fastest of its steps, and the mean of all."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_rate_max`` and ``<tag>_rate_mean`` of each tag."""
        statistics = ("rate_max", "rate_mean")
        return tuple(
            Feature(f"{tag}_{each}", (tag,), each, UnitRule.PER_SECOND) for tag in self.tags for each in statistics
        )

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the largest and the mean of |change| / time, [2 x tags, windows]; NaN below two good samples."""
        found = []
        for values in samples.numbers(self.tags):
            change, elapsed = steps(values, samples)
            speed = np.abs(change) / elapsed
            found += [samples.segments.largest(speed), samples.segments.mean(speed)]
        return np.stack(found)


class LaggedMeans(OfTags):
    """Means of a window's equal parts, oldest first: the window as a short series, flattened.

    What sequence models take as input (piecewise aggregate approximation; Keogh et al. 2001, Dimensionality Reduction
    for Fast Similarity Search in Large Time Series Databases).
    """

    panes: int = Field(ge=2, le=1_000)
    """Parts that the window is cut into."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_mean_<part>of<parts>`` of each tag, parts counted from 1."""
        statistics = [f"mean_{part}of{self.panes}" for part in range(1, self.panes + 1)]
        return tuple(Feature(f"{tag}_{each}", (tag,), each) for tag in self.tags for each in statistics)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the means of the parts, [tags x parts, windows]; NaN for a part without a good sample."""
        windows = len(samples.segments.starts)
        number = np.repeat(np.arange(windows), samples.segments.lengths)
        place = number * self.panes + samples.since * self.panes // samples.window
        parts = [self._means(values, place, windows) for values in samples.numbers(self.tags)]
        return np.concatenate(parts)

    def _means(self, values: Floats, place: np.ndarray[tuple[int], np.dtype[np.int64]], windows: int) -> Floats:
        good, size = ~np.isnan(values), windows * self.panes
        # `bincount` adds one after the other, in the order of the samples: a part's sum depends on the part alone.
        total = np.bincount(place[good], values[good], size)
        means: Floats = total / np.bincount(place[good], minlength=size)
        return means.reshape(windows, self.panes).T
