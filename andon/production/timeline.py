"""From facts that may overlap to what counts when.

One rule for all kinds. Of facts that overlap at a place the one that starts last counts, and when it ends the one
before counts again, if it still lasts. What is open-ended lasts until the next of its kind starts there. The nearest
place that says something counts: the machine, then its cell, its line, its area, the site::

    site      |--- early ------------|--- late ----------
    line-1            |- A -----------------|
    machine                  |- B -|
    counts    early    A      B     A        late
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from andon.production.facts import FOREVER, Fact

#: Start, end (exclusive) and the fact that counts between them.
Span = tuple[int, int, Fact]


@dataclass(frozen=True, slots=True)
class Timeline:
    """What counts at one place for one kind: spans that do not overlap, in order.

    Attributes:
        spans: start, end, fact.
        overlaps: ids of the facts that begin while another one with an end of its own lasts.
    """

    spans: Sequence[Span] = ()
    overlaps: frozenset[str] = frozenset()
    _starts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> Timeline:
        """Resolve facts of one place and kind; of equal starts the one that was told last counts.

        A fact that ends when it begins never was so.
        """
        ordered = sorted((fact for fact in facts if fact.end != fact.start), key=lambda fact: fact.start)
        ends = _ends(ordered)
        spans = tuple(_resolve(ordered, ends))
        overlaps = _overlaps(ordered)
        return cls(spans, overlaps, [start for start, _, _ in spans])

    def between(self, start: int, end: int) -> Sequence[Span]:
        """Return the spans that lie in part between two moments."""
        first = max(bisect_right(self._starts, start) - 1, 0)
        found = []
        for span in self.spans[first:]:
            if span[0] >= end:
                break
            if span[1] > start:
                found.append(span)
        return found


def _ends(ordered: Sequence[Fact]) -> list[int]:
    """Return the end of each fact; of open-ended ones it is the next start."""
    ends = [FOREVER if fact.end is None else fact.end for fact in ordered]
    following = FOREVER
    for at in range(len(ordered) - 1, -1, -1):
        if at + 1 < len(ordered) and ordered[at + 1].start > ordered[at].start:
            following = ordered[at + 1].start
        if ordered[at].end is None:
            ends[at] = following
    return ends


def _resolve(ordered: Sequence[Fact], ends: Sequence[int]) -> Iterable[Span]:
    moments = sorted({fact.start for fact in ordered} | set(ends))
    active: list[tuple[int, int]] = []  # the newest start first, of equal ones the last told
    at = 0
    for moment, following in pairwise(moments):
        while at < len(ordered) and ordered[at].start <= moment:
            heapq.heappush(active, (-ordered[at].start, -at))
            at += 1
        while active and ends[-active[0][1]] <= moment:
            heapq.heappop(active)
        if active:
            yield moment, following, ordered[-active[0][1]]


def _overlaps(ordered: Sequence[Fact]) -> frozenset[str]:
    found = set()
    until = -FOREVER
    for fact in ordered:
        if fact.start < until:
            found.add(fact.id)
        until = max(until, -FOREVER if fact.end is None else fact.end)
    return frozenset(found)


def overlay(nearest_first: Sequence[Sequence[Span]], start: int, end: int) -> list[tuple[int, Fact | None]]:
    """Return what counts between two moments: (start of a stretch, fact or None), the first at *start*.

    Args:
        nearest_first: spans of each place, those of the nearest place first.
        start: microseconds.
        end: exclusive.
    """
    if len(nearest_first) <= 1:
        return list(_alone(nearest_first[0] if nearest_first else (), start, end))
    edges = {edge for spans in nearest_first for span in spans for edge in span[:2] if start < edge < end}
    stretches: list[tuple[int, Fact | None]] = []
    for moment in sorted(edges | {start}):
        fact = next((found for spans in nearest_first if (found := _at(spans, moment))), None)
        if not stretches or stretches[-1][1] is not fact:
            stretches.append((moment, fact))
    return stretches


def _alone(spans: Sequence[Span], start: int, end: int) -> Iterator[tuple[int, Fact | None]]:
    """Yield what counts where one place alone says something, which is nearly always."""
    reached = start
    last: Fact | None = None
    for begin, until, fact in spans:
        if begin > reached or (reached == start and begin > start):
            yield reached, None
            last = None
        if fact is not last:
            yield max(begin, start), fact
        reached, last = until, fact
    if reached < end:
        yield reached, None


def _at(spans: Sequence[Span], moment: int) -> Fact | None:
    at = bisect_right(spans, moment, key=lambda span: span[0]) - 1
    return spans[at][2] if at >= 0 and moment < spans[at][1] else None
