"""The rules that need the past, applied to batches of one asset class: impossible rates, stuck values, spikes."""

from __future__ import annotations

from collections.abc import Mapping

from andon.contracts import Quality
from andon.quality.arrivals import Arrivals
from andon.quality.marks import CODE, GOOD, Codes, Floats
from andon.quality.rate import impossible
from andon.quality.rest import stuck
from andon.quality.rules import ClassRules, TagRules
from andon.quality.samples import Samples, TagMemory
from andon.quality.spike import spikes
from andon.quality.trail import Trail

#: The rules, from the last in rank to the first, whose mark stays.
_RULES = {Quality.SPIKE: spikes, Quality.STUCK: stuck, Quality.IMPOSSIBLE_RATE: impossible}


class Watch:
    """Judges the frames of one asset class in one partition, and remembers what the next ones are judged by.

    Args:
        rules: the class's rules.
        assets: how many assets the class has.
    """

    def __init__(self, rules: ClassRules, assets: int) -> None:
        self._rules = rules
        self._tags = [TagMemory.empty(assets) for _ in rules.tags]
        self._trail = Trail(rules.cell, rules.patience, assets)

    def mark(self, arrivals: Arrivals, level: Mapping[str, Floats], codes: Mapping[str, Codes]) -> None:
        """Add to *codes* the marks for what changed impossibly fast, for what is stuck, and for spikes.

        Args:
            arrivals: the batch.
            level: tag to `andon.quality.marks.levels`.
            codes: tag to marks; samples that have one already are neither judged nor remembered.
        """
        layout = self._trail.lay_out(arrivals)
        for rules, memory in zip(self._rules.tags, self._tags, strict=True):
            tag_codes = codes[rules.tag]
            usable = layout.in_order & layout.stretches.lay_out_mask(tag_codes == GOOD)
            samples = Samples.of(layout.stretches, layout.time, level[rules.tag], usable, memory)
            self._mark_tag(samples, rules, memory, tag_codes)
        self._trail.remember(layout, arrivals)

    def needed_from(self, clock: int) -> int | None:
        """Return the first offset that memory is made of; None if nothing is remembered. See `Trail.needed_from`."""
        return self._trail.needed_from(clock)

    def _mark_tag(self, samples: Samples, rules: TagRules, memory: TagMemory, codes: Codes) -> None:
        found = {rule: judge(samples, rules, self._rules.cell, memory) for rule, judge in _RULES.items()}
        samples.remember(memory)
        for rule, marks in found.items():
            if marks.any():
                codes[samples.marked(marks)] = CODE[rule]
