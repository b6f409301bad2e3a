"""The rules that need the past, applied to batches of one asset class: impossible rates, stuck values, spikes.

Only samples in order are judged and remembered: those of a frame whose event time lies behind none that the asset
has sent before, and that the clock at its ingest could believe. Frames that come late are neither, so they cause no
false marks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from andon.contracts import Quality
from andon.quality.marks import CODE, GOOD, Codes, Floats
from andon.quality.rate import impossible
from andon.quality.rest import stuck
from andon.quality.rules import CELLS_BACK, ClassRules, TagRules
from andon.quality.samples import Samples, TagMemory
from andon.quality.spike import spikes
from andon.quality.stretches import NEVER, NONE, Ints, Mask, Stretches, changes

_CELLS = CELLS_BACK + 1
#: The rules, from the last in rank to the first, whose mark stays.
_RULES = {Quality.SPIKE: spikes, Quality.STUCK: stuck, Quality.IMPOSSIBLE_RATE: impossible}


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Columns of a batch (n rows) that say whose frames they are, and when they were so and came in.

    Attributes:
        asset: index of the asset.
        time: event time, microseconds.
        ingest_time: microseconds.
        offset: in the input topic.
        believable: whether the clock at ingest could believe the event time.
    """

    asset: Ints
    time: Ints
    ingest_time: Ints
    offset: Ints
    believable: Mask


class Watch:
    """Judges the frames of one asset class in one partition, and remembers what the next ones are judged by.

    Args:
        rules: the class's rules.
        assets: how many assets the class has.
    """

    def __init__(self, rules: ClassRules, assets: int) -> None:
        self._rules = rules
        self._tags = [TagMemory.empty(assets) for _ in rules.tags]
        self._ingest_time = np.full(assets, NEVER, np.int64)
        self._newest = np.full(assets, NONE, np.int64)
        self._cell = np.full((assets, _CELLS), NEVER, np.int64)
        self._first_offset = np.zeros((assets, _CELLS), np.int64)

    def mark(self, arrivals: Arrivals, level: Mapping[str, Floats], codes: Mapping[str, Codes]) -> None:
        """Add to *codes* the marks for what changed impossibly fast, for what is stuck, and for spikes.

        Args:
            arrivals: the batch.
            level: tag to `andon.quality.marks.levels`.
            codes: tag to marks; samples that have one already are neither judged nor remembered.
        """
        stretches = Stretches.of(arrivals.asset, arrivals.ingest_time, self._ingest_time, self._rules.patience)
        time = stretches.lay_out(np.where(arrivals.believable, arrivals.time, NONE), self._newest)
        newest = stretches.newest(time)
        in_order = np.append(True, time[1:] > newest[:-1])
        in_order[stretches.heads] = False
        for rules, memory in zip(self._rules.tags, self._tags, strict=True):
            tag_codes = codes[rules.tag]
            usable = in_order & stretches.lay_out_mask(tag_codes == GOOD)
            samples = Samples.of(stretches, time, level[rules.tag], usable, memory)
            self._mark_tag(samples, rules, memory, tag_codes)
        self._remember(stretches, newest, in_order, arrivals)

    def needed_from(self, clock: int) -> int | None:
        """Return the first offset that memory is made of; None if nothing is remembered.

        Args:
            clock: the newest ingest time of the partition. An asset that has been silent for twice the patience will
                start afresh whatever it sends, so its memory is not needed any more.
        """
        newest_cell = (self._newest // self._rules.cell)[:, None]
        awake = (clock - self._ingest_time <= 2 * self._rules.patience) & (self._newest != NONE)
        needed = awake[:, None] & (self._cell >= newest_cell - CELLS_BACK) & (self._cell <= newest_cell)
        return int(self._first_offset[needed].min()) if needed.any() else None

    def _mark_tag(self, samples: Samples, rules: TagRules, memory: TagMemory, codes: Codes) -> None:
        found = {rule: judge(samples, rules, self._rules.cell, memory) for rule, judge in _RULES.items()}
        samples.remember(memory)
        for rule, marks in found.items():
            if marks.any():
                codes[samples.marked(marks)] = CODE[rule]

    def _remember(self, stretches: Stretches, newest: Ints, in_order: Mask, arrivals: Arrivals) -> None:
        """Keep each asset's newest times, and the first offset in each of its last cells."""
        cell = newest // self._rules.cell
        begins = np.flatnonzero(in_order & changes(cell))
        assets, place = stretches.assets[stretches.number[begins]], cell[begins] % _CELLS
        self._cell[assets, place] = cell[begins]  # of several that share a place, the last is kept
        self._first_offset[assets, place] = stretches.of_rows(arrivals.offset, begins)
        assets, last = stretches.assets[stretches.closing], stretches.last[stretches.closing]
        self._newest[assets] = newest[last]
        self._ingest_time[assets] = stretches.of_rows(arrivals.ingest_time, last)
