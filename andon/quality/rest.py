"""Stuck values: samples that stay within the deadband of one value for longer than the tag ever rests."""

from __future__ import annotations

import numpy as np

from andon.quality.rules import TagRules
from andon.quality.samples import Samples, TagMemory
from andon.quality.stretches import Ints, Mask, changes


def stuck(samples: Samples, rules: TagRules, cell: int, memory: TagMemory) -> Mask:
    """Return which samples rest for longer than `stuck_after`, and bring memory up to date.

    A rest begins where the value leaves the one at which it last came to rest by more than the deadband, and after a
    gap. A spike ends a rest, impossible as it may be: the signal has changed.
    """
    if rules.stuck_after is None:
        return np.zeros(len(samples.slots), np.bool_)
    after_gap = samples.gap > rules.rest_reach
    moved = _departures(samples, after_gap, rules.deadband, cell, memory) if rules.deadband else samples.change != 0
    begins = np.where(samples.remembered, memory.since[samples.asset], samples.time)
    since = begins[_last_true(after_gap | moved)]
    memory.since[samples.asset[samples.final]] = since[samples.final]
    marks: Mask = samples.time - since > rules.stuck_after
    return marks


def _departures(samples: Samples, after_gap: Mask, deadband: float, cell: int, memory: TagMemory) -> Mask:
    """Return which samples leave the value at which their series rests.

    The value at rest is that of the last departure. Lest it depend on the whole past, it is also taken anew with each
    cell of event time, without that being a departure.
    """
    values = np.where(samples.remembered, memory.anchor[samples.asset], samples.value)
    anew = after_gap | changes(samples.time // cell)
    moved = []
    anchor = 0.0
    # per-event Python: each departure depends on the one before it. One comparison of two floats a sample is
    # a tenth of a microsecond, a small part of what the stage spends on it.
    for value, take_anew in zip(values.tolist(), anew.tolist(), strict=True):
        departs = abs(value - anchor) > deadband
        moved.append(departs)
        if departs or take_anew:
            anchor = value
    departures = np.array(moved, np.bool_)
    anchors = values[_last_true(departures | anew)]
    memory.anchor[samples.asset[samples.final]] = anchors[samples.final]
    return departures


def _last_true(mask: Mask) -> Ints:
    """Return for each position the last one until then where *mask* holds; it must hold at the first."""
    found: Ints = np.maximum.accumulate(np.where(mask, np.arange(len(mask)), 0))
    return found
