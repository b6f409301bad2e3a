"""Impossible rates: samples that are further from the last plausible one than the tag can have moved since.

What is plausible depends on what was plausible before, so the rule is recursive. As long as every sample follows from
the one right before it, which is nearly always, all of them are plausible and whole columns are compared at once. Only
a series with a sample that does not is followed step by step.

A recursion that began at the first sample ever could not be repeated after a restart. So it begins anew with every
cell of event time, and is believed from the next cell on: until then it has had time to get over a false start (a
sample that is taken for plausible only because it was the first). Two views run side by side: the old one, which
began with the previous cell and is believed, and the young one, which began with this cell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from andon.clock import SECOND
from andon.quality.rules import TagRules
from andon.quality.samples import Chain, Sample, Samples, TagMemory
from andon.quality.stretches import NONE, Mask


def impossible(samples: Samples, rules: TagRules, cell: int, memory: TagMemory) -> Mask:
    """Return which samples changed faster than `max_rate` since the last plausible one, and bring memory up to date."""
    max_rate = rules.max_rate
    if max_rate is None:
        return np.zeros(len(samples.slots), np.bool_)
    doubtful = (samples.gap <= rules.rate_reach) & (samples.change * SECOND > max_rate * samples.gap)
    marks = np.zeros(len(samples.slots), np.bool_)
    chains = {}
    if memory.chains or doubtful.any():
        for stretch in _to_follow(samples, doubtful, memory):
            start, end = np.searchsorted(samples.stretch, (stretch, stretch + 1))
            asset = int(samples.stretches.assets[stretch])
            chain = _begin(samples, int(start), memory.chains.get(asset), cell)
            marks[start:end], chain = _follow(samples, slice(start, end), chain, max_rate, rules.rate_reach, cell)
            if samples.stretches.closing[stretch] and not chain.old == chain.young == _sample(samples, int(end) - 1):
                chains[asset] = chain
        for asset in samples.stretches.assets.tolist():
            memory.chains.pop(asset, None)
        memory.chains.update(chains)
    return marks


def _to_follow(samples: Samples, doubtful: Mask, memory: TagMemory) -> Iterator[int]:
    """Yield the stretches that hold a doubtful sample, or go on from one."""
    stretches = samples.stretches
    goes_on = stretches.resumed & np.isin(stretches.assets, list(memory.chains))
    yield from np.union1d(samples.stretch[doubtful], np.flatnonzero(goes_on)).tolist()


def _sample(samples: Samples, position: int) -> Sample:
    return int(samples.time[position]), float(samples.value[position])


def _begin(samples: Samples, start: int, chain: Chain | None, cell: int) -> Chain:
    if not samples.remembered[start]:
        return Chain(None, None, NONE)
    before = _sample(samples, start)
    return chain or Chain(before, before, before[0] // cell)


def _follow(
    samples: Samples, part: slice, chain: Chain, max_rate: float, reach: int, cell: int
) -> tuple[list[bool], Chain]:
    """Judge one series from sample to sample; per-event Python, for the few series that hold doubtful samples."""

    def follows(before: Sample | None, time: int, value: float) -> bool:
        if before is None or time - before[0] > reach:
            return True
        return abs(value - before[1]) * SECOND <= max_rate * (time - before[0])

    old, young, current = chain.old, chain.young, chain.cell
    marks = []
    columns = (samples.time[part], samples.value[part], samples.remembered[part])
    for time, value, remembered in zip(*(column.tolist() for column in columns), strict=True):
        if remembered:
            marks.append(False)
            continue
        if time // cell != current:
            old, young = (young if time // cell == current + 1 else None), None
            current = time // cell
        plausible = follows(old, time, value)
        old = (time, value) if plausible else old
        young = (time, value) if follows(young, time, value) else young
        marks.append(not plausible)
    return marks, Chain(old, young, current)
