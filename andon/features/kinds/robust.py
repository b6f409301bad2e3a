"""Statistics that a few wild samples do not move."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from andon.features.feature import Feature
from andon.features.kinds.base import OfTags
from andon.features.samples import WindowSamples
from andon.features.segments import Floats, Segments

Probability = Annotated[float, Field(ge=0, le=1)]


class Quantiles(OfTags):
    """Quantiles of the good samples, on the line between the two next to it (Hyndman and Fan 1996, type 7)."""

    probabilities: tuple[Probability, ...] = Field(min_length=1)
    """Which, such as [0.05, 0.95]."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_q<percent>`` of each tag."""
        statistics = [f"q{100 * each:g}" for each in self.probabilities]
        return tuple(Feature(f"{tag}_{each}", (tag,), each) for tag in self.tags for each in statistics)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the quantiles, [tags x probabilities, windows]; NaN without a good sample."""
        found = [quantiles(values, samples.segments, self.probabilities) for values in samples.numbers(self.tags)]
        return np.concatenate(found)


class Mad(OfTags):
    """Median absolute deviation from the median (Hampel 1974); times 1.4826 it estimates a normal deviation."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_mad`` of each tag."""
        return tuple(Feature(f"{tag}_mad", (tag,), "mad") for tag in self.tags)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the deviations, [tags, windows]; NaN without a good sample."""
        return np.concatenate([self._mad(values, samples.segments) for values in samples.numbers(self.tags)])

    def _mad(self, values: Floats, segments: Segments) -> Floats:
        median = quantiles(values, segments, (0.5,))[0]
        return quantiles(np.abs(values - segments.spread(median)), segments, (0.5,))


def quantiles(values: Floats, segments: Segments, probabilities: tuple[float, ...]) -> Floats:
    """Return quantiles of each segment's *values* that are not NaN, [probabilities, segments]; NaN where all are."""
    padded, last = np.append(values, np.nan), segments.count(~np.isnan(values)) - 1
    found = np.empty((len(probabilities), len(last)))
    for numbers, indices in segments.matrices():
        ordered = np.sort(padded[indices], axis=-1)  # NaN comes last
        place = np.maximum(last[numbers], 0) * np.array(probabilities)[:, None]
        lower = np.floor(place).astype(np.int64)
        upper = np.ceil(place).astype(np.int64)
        row = np.arange(len(numbers))
        low, high = ordered[row, lower], ordered[row, upper]
        found[:, numbers] = low + (high - low) * (place - lower)
    return found
