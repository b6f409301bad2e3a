"""Spikes: samples that jump away from the last plausible one, where the ones that follow do not confirm it.

It is judged at once, without what follows: a jump is a spike until `_CONFIRMING` samples in a row, the first of them
included, keep within a step of each other. The last of these is plausible: a new level has begun.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.quality.recursion import implausible, settled
from andon.quality.rules import TagRules
from andon.quality.samples import Samples, TagMemory, View
from andon.quality.stretches import Mask

#: Samples in a row that make a new level.
_CONFIRMING = 3


def spikes(samples: Samples, rules: TagRules, cell: int, memory: TagMemory) -> Mask:
    """Return which samples are more than `max_step` off the last plausible one, and bring memory up to date."""
    if rules.max_step is None:
        return np.zeros(len(samples.slots), np.bool_)
    return implausible(samples, _Step(rules.max_step, rules.reach), cell, memory.spikes)


@dataclass(frozen=True, slots=True)
class _Step:
    """Largest step from a sample that is at most *reach* microseconds older."""

    max_step: float
    reach: int

    def doubtful(self, samples: Samples) -> Mask:
        doubtful: Mask = (samples.gap <= self.reach) & (samples.change > self.max_step)
        return doubtful

    def judge(self, view: View, time: int, value: float) -> View:
        plausible_at, plausible, before, away = view
        if time - plausible_at > self.reach or abs(value - plausible) <= self.max_step:
            return settled(time, value)
        away = away + 1 if abs(value - before) <= self.max_step else 1
        return settled(time, value) if away == _CONFIRMING else (plausible_at, plausible, value, away)
