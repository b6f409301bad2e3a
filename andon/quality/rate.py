"""Impossible rates: samples that are further from the last plausible one than the tag can have moved since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.clock import SECOND
from andon.quality.recursion import implausible, settled
from andon.quality.rules import TagRules
from andon.quality.samples import Samples, TagMemory, View
from andon.quality.stretches import Mask


def impossible(samples: Samples, rules: TagRules, cell: int, memory: TagMemory) -> Mask:
    """Return which samples changed faster than `max_rate` since the last plausible one, and bring memory up to date."""
    if rules.max_rate is None:
        return np.zeros(len(samples.slots), np.bool_)
    return implausible(samples, _Rate(rules.max_rate, rules.reach), cell, memory.rates)


@dataclass(frozen=True, slots=True)
class _Rate:
    """Fastest possible change, units per second, since a sample that is at most *reach* microseconds older."""

    max_rate: float
    reach: int

    def doubtful(self, samples: Samples) -> Mask:
        doubtful: Mask = (samples.gap <= self.reach) & (samples.change * SECOND > self.max_rate * samples.gap)
        return doubtful

    def judge(self, view: View, time: int, value: float) -> View:
        gap = time - view[0]
        if gap > self.reach or abs(value - view[1]) * SECOND <= self.max_rate * gap:
            return settled(time, value)
        return view
