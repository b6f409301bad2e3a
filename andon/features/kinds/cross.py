"""How the signals of a machine stand to each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from pydantic import Field

from andon.features.feature import Feature, UnitRule
from andon.features.kinds.base import Kind, TagName
from andon.features.samples import WindowSamples
from andon.features.segments import Floats, Segments

#: Fewer pairs always lie on a line, or nearly.
_FEWEST = 3


class Correlation(Kind):
    """Pearson's coefficient of the frames in which both tags of a pair are good, from -1 to 1."""

    tags: tuple[TagName, ...] = Field(min_length=2)
    """Tags, of which each pair has a coefficient."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_correlation_<other>`` of each pair."""
        pairs = combinations(self.tags, 2)
        return tuple(Feature(f"{a}_correlation_{b}", (a, b), "correlation", UnitRule.NONE) for a, b in pairs)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tags."""
        return self.tags

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the coefficients, [pairs, windows]; NaN below three such frames, or where a tag rests."""
        values = samples.numbers(self.tags)
        return np.stack([_correlation(a, b, samples.segments) for a, b in combinations(values, 2)])


def _correlation(one: Floats, other: Floats, segments: Segments) -> Floats:
    both = np.isfinite(one) & np.isfinite(other)
    a, b = (_centred(np.where(both, values, np.nan), segments) for values in (one, other))
    spread = np.sqrt(segments.sum(a * a)) * np.sqrt(segments.sum(b * b))
    coefficient = np.clip(segments.sum(a * b) / spread, -1.0, 1.0)
    return np.where(segments.count(both) < _FEWEST, np.nan, coefficient)


def _centred(values: Floats, segments: Segments) -> Floats:
    return np.nan_to_num(values - segments.spread(segments.mean(values)), nan=0.0, posinf=np.inf, neginf=-np.inf)


class Ratio(Kind):
    """Mean of one tag divided by the mean of another, of the frames in which both are good."""

    tags: tuple[TagName, TagName]
    """The tag that is divided, and the one that it is divided by."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_per_<other>``."""
        one, other = self.tags
        return (Feature(f"{one}_per_{other}", self.tags, "ratio", UnitRule.QUOTIENT),)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The tags."""
        return self.tags

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the ratio, [1, windows]; NaN without such a frame, not finite where the divisor is 0."""
        values = samples.numbers(self.tags)
        both = ~np.isnan(values).any(axis=0)
        one, other = samples.segments.mean(np.where(both, values, np.nan))
        ratio: Floats = one / other
        return ratio[None]
