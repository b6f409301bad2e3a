"""What a machine did in a window: how long, how often, how much."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from andon.features.feature import Feature, UnitRule
from andon.features.kinds.base import NUMBERS, OfTags
from andon.features.samples import WindowSamples, stands, steps
from andon.features.segments import Floats
from andon.units import Duration

_STATES = frozenset({"state", "boolean"})


class _Durations(OfTags):
    hold: Duration = Field(gt=0)
    """How long a good sample stands at most for what follows it, such as three scans; it stands until the next one or
    the window's end. The time of a longer gap counts for nothing: what happened in it is not known."""

    def _seconds(self, true: Floats, samples: WindowSamples) -> Floats:
        """Return for how long *true* (n; 1, 0, or NaN where not good) was 1 in each window; NaN if never good."""
        time = samples.segments.sum(np.where(true == 1.0, stands(true, samples, self.hold), 0.0))
        return np.where(samples.segments.count(~np.isnan(true)) == 0, np.nan, time)


class TimeInState(_Durations):
    """How long a state or boolean tag was in each of some states."""

    takes: ClassVar[frozenset[str]] = _STATES
    states: tuple[str, ...] = Field(min_length=1)
    """The states; of a boolean "true" and "false"."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_time_in_<state>`` of each tag and state."""
        statistics = [f"time_in_{state}" for state in self.states]
        return tuple(
            Feature(f"{tag}_{each}", (tag,), each, UnitRule.SECONDS) for tag in self.tags for each in statistics
        )

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the durations, [tags x states, windows], seconds; NaN without a good sample."""
        found = []
        for tag in self.tags:
            texts = samples.texts(tag)
            for state in self.states:
                true = (texts == state).cast(float).fill_null(np.nan).to_numpy()
                found.append(self._seconds(true, samples))
        return np.stack(found)


class TimeAbove(_Durations):
    """How long a tag was above each of some levels."""

    levels: tuple[float, ...] = Field(min_length=1)
    """The levels, in the tags' unit."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_time_above_<level>`` of each tag and level."""
        statistics = [f"time_above_{level:g}" for level in self.levels]
        return tuple(
            Feature(f"{tag}_{each}", (tag,), each, UnitRule.SECONDS) for tag in self.tags for each in statistics
        )

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the durations, [tags x levels, windows], seconds; NaN without a good sample."""
        values = samples.numbers(self.tags)
        above = [np.where(np.isnan(each), np.nan, each > level) for each in values for level in self.levels]
        return np.stack([self._seconds(true, samples) for true in above])


class Changes(OfTags):
    """How often a tag changes from one good sample to the next."""

    takes: ClassVar[frozenset[str]] = NUMBERS | _STATES

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_changes`` of each tag."""
        return tuple(Feature(f"{tag}_changes", (tag,), "changes", UnitRule.NONE) for tag in self.tags)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the number of changes, [tags, windows]; NaN below two good samples."""
        return np.stack([self._count(values, samples) for values in samples.numbers(self.tags)])

    def _count(self, values: Floats, samples: WindowSamples) -> Floats:
        change, _ = steps(values, samples)
        there = ~np.isnan(change)
        return np.where(samples.segments.count(there) == 0, np.nan, samples.segments.count(there & (change != 0)))


class Increase(OfTags):
    """How far a counter counts on from the window's first good sample to its last.

    A counter that falls has started again from 0, so that what it shows then is what it has counted since.
    """

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_increase`` of each tag."""
        return tuple(Feature(f"{tag}_increase", (tag,), "increase") for tag in self.tags)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the increase, [tags, windows]; NaN below two good samples."""
        return np.stack([self._increase(values, samples) for values in samples.numbers(self.tags)])

    def _increase(self, values: Floats, samples: WindowSamples) -> Floats:
        change, _ = steps(values, samples)
        counted = np.where(change < 0, values, change)
        there = ~np.isnan(counted)
        total = samples.segments.sum(np.where(there, counted, 0.0))
        return np.where(samples.segments.count(there) == 0, np.nan, total)
