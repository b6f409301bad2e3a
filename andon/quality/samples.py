"""The samples of one tag that rules may look at, and what is remembered of them between batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from andon.quality.marks import Floats
from andon.quality.stretches import Ints, Mask, Stretches, changes

#: Stands for the gap to a sample that is not there: longer than any reach.
_NO_SAMPLE_BEFORE = 2**60

#: Where a recursive rule stands: time and value of the last plausible sample, value of the newest sample, and how many
#: in a row have been away from the plausible one.
View = tuple[int, float, float, int]


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a recursive rule stands in a series with doubtful samples; see `andon.quality.recursion`.

    Attributes:
        old: in a view that began with the previous cell.
        young: in a view that began with this cell.
        cell: number of this cell.
    """

    old: View | None
    young: View | None
    cell: int


@dataclass(frozen=True, slots=True)
class TagMemory:
    """What former batches left behind of one tag, by index of the asset.

    Attributes:
        value: the newest sample, NaN for none.
        time: its event time.
        since: since when the value rests.
        anchor: the value at which it came to rest.
        rates: the rate rule's state, of the few assets where it is not just the newest sample.
        spikes: the spike rule's, likewise.
    """

    value: Floats
    time: Ints
    since: Ints
    anchor: Floats
    rates: dict[int, Chain] = field(default_factory=dict)
    spikes: dict[int, Chain] = field(default_factory=dict)

    @classmethod
    def empty(cls, assets: int) -> TagMemory:
        """Return the memory of *assets* assets of which nothing is known."""
        return cls(np.full(assets, np.nan), np.zeros(assets, np.int64), np.zeros(assets, np.int64), np.zeros(assets))


@dataclass(frozen=True)
class Samples:
    """Samples of one tag, of all assets, in order of stretch and time; the first of a stretch may be a remembered one.

    Attributes:
        stretches: the batch.
        slots: (m) slot of each sample.
        stretch: (m) its stretch.
        remembered: (m) whether it was remembered, so that it is not judged again.
        time: (m) event time, ascending within a stretch.
        value: (m)
    """

    stretches: Stretches
    slots: Ints
    stretch: Ints
    remembered: Mask
    time: Ints
    value: Floats

    @classmethod
    def of(cls, stretches: Stretches, time: Ints, value: Floats, usable: Mask, memory: TagMemory) -> Samples:
        """Pick the samples of a batch that rules may look at.

        Args:
            stretches: the batch.
            time: (slots) event time.
            value: (rows) `levels` of the tag.
            usable: (slots) whether the row came in order and its sample is good as such.
            memory: what is remembered of the tag.
        """
        levels = stretches.lay_out_floats(value, memory.value)
        usable = usable.copy()
        usable[stretches.heads] = ~np.isnan(levels[stretches.heads])
        slots = np.flatnonzero(usable)
        stretch = stretches.number[slots]
        remembered = slots == stretches.heads[stretch]
        times = np.where(remembered, memory.time[stretches.assets[stretch]], time[slots])
        return cls(stretches, slots, stretch, remembered, times, levels[slots])

    @cached_property
    def gap(self) -> Ints:
        """(m) time since the sample before; longer than any reach where there is none."""
        gap = np.diff(self.time, prepend=0)
        gap[changes(self.stretch)] = _NO_SAMPLE_BEFORE
        return gap

    @cached_property
    def change(self) -> Floats:
        """(m) distance from the value before; has no meaning where there is none."""
        return np.abs(np.diff(self.value, prepend=0.0))

    @cached_property
    def asset(self) -> Ints:
        """(m) index of the asset."""
        return self.stretches.assets[self.stretch]

    @cached_property
    def final(self) -> Ints:
        """Positions of the samples that are the newest of their asset after this batch."""
        ends = np.flatnonzero(changes(self.stretch[::-1])[::-1])
        return ends[self.stretches.closing[self.stretch[ends]]]

    def marked(self, marks: Mask) -> Mask:
        """Return *marks* of the samples as marks of the batch's rows."""
        slots = np.zeros(len(self.stretches.number), np.bool_)
        slots[self.slots] = marks
        return self.stretches.in_row_order(slots)

    def remember(self, memory: TagMemory) -> None:
        """Keep the newest sample of each asset; forget those of assets that started afresh without one."""
        memory.value[self.stretches.assets[self.stretches.closing]] = np.nan
        assets = self.asset[self.final]
        memory.value[assets] = self.value[self.final]
        memory.time[assets] = self.time[self.final]
