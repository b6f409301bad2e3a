"""Rules by which a sample is judged against the last plausible one, which was judged so itself.

As long as every sample follows from the one right before it, which is nearly always, all of them are plausible and
whole columns are compared at once. Only a series with a sample that does not is followed step by step.

A recursion that began at the first sample ever could not be repeated after a restart. So it begins anew with every
cell of event time, and is believed from the next cell on: until then it has had time to get over a false start (a
sample that is taken for plausible only because it was the first). Two views run side by side: the old one, which
began with the previous cell and is believed, and the young one, which began with this cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from andon.quality.samples import Chain, Samples, View
from andon.quality.stretches import NONE, Mask


class Rule(Protocol):
    """What a sample must be like to follow from the last plausible one."""

    def doubtful(self, samples: Samples) -> Mask:
        """Return which samples do not follow from the one right before them."""

    def judge(self, view: View, time: int, value: float) -> View:
        """Return where the rule stands after one more sample; its time is the view's if the sample is plausible."""


def implausible(samples: Samples, rule: Rule, cell: int, memory: dict[int, Chain]) -> Mask:
    """Return which samples are not plausible, and bring *memory* (by index of the asset) up to date."""
    doubtful = rule.doubtful(samples)
    marks = np.zeros(len(samples.slots), np.bool_)
    chains = {}
    if memory or doubtful.any():
        for stretch in _to_follow(samples, doubtful, memory):
            start, end = np.searchsorted(samples.stretch, (stretch, stretch + 1))
            asset = int(samples.stretches.assets[stretch])
            chain = _begin(samples, int(start), memory.get(asset), cell)
            marks[start:end], chain = _follow(samples, slice(start, end), chain, rule, cell)
            if samples.stretches.closing[stretch] and not chain.old == chain.young == _settled(samples, int(end) - 1):
                chains[asset] = chain
        for asset in samples.stretches.assets.tolist():
            memory.pop(asset, None)
        memory.update(chains)
    return marks


def settled(time: int, value: float) -> View:
    """Return where a rule stands after a plausible sample."""
    return time, value, value, 0


def _to_follow(samples: Samples, doubtful: Mask, memory: dict[int, Chain]) -> Iterator[int]:
    """Yield the stretches that hold a doubtful sample, or go on from one."""
    stretches = samples.stretches
    goes_on = stretches.resumed & np.isin(stretches.assets, list(memory))
    yield from np.union1d(samples.stretch[doubtful], np.flatnonzero(goes_on)).tolist()


def _settled(samples: Samples, position: int) -> View:
    return settled(int(samples.time[position]), float(samples.value[position]))


def _begin(samples: Samples, start: int, chain: Chain | None, cell: int) -> Chain:
    if not samples.remembered[start]:
        return Chain(None, None, NONE)
    before = _settled(samples, start)
    return chain or Chain(before, before, before[0] // cell)


def _follow(samples: Samples, part: slice, chain: Chain, rule: Rule, cell: int) -> tuple[list[bool], Chain]:
    """Judge one series from sample to sample; per-event Python, for the few series that hold doubtful samples."""
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
        agree = old == young  # nearly always: then one of them tells for both
        old = rule.judge(old, time, value) if old else settled(time, value)
        young = old if agree else rule.judge(young, time, value) if young else settled(time, value)
        marks.append(old[0] != time)
    return marks, Chain(old, young, current)
