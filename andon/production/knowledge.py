"""All facts that are known, and what follows from news."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from andon.production.facts import FOREVER, Fact, Kind
from andon.production.timeline import Span, Timeline


@dataclass(frozen=True, slots=True)
class Change:
    """Frames at *place* with event times from *start* to *end* (exclusive) may have another context now."""

    kind: Kind
    place: str
    start: int
    end: int


class Knowledge:
    """Facts by place and kind. It knows no time and no asset; each id counts once, with its highest revision."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}
        self._places: dict[tuple[Kind, str], dict[str, Fact]] = {}
        self._timelines: dict[tuple[Kind, str], Timeline] = {}

    def __len__(self) -> int:
        return len(self._facts)

    def tell(self, fact: Fact) -> tuple[Change, ...]:
        """Take a fact in; return what changes, which is nothing when it is no news."""
        known = self._facts.get(fact.id)
        if known is not None and (fact == known or not fact.supersedes(known)):
            return ()
        before = (self._change(known),) if known is not None else ()
        self.load((fact,))
        return (*before, self._change(fact))

    def load(self, facts: Iterable[Fact]) -> None:
        """Take in facts without asking what changes, as at the start."""
        for fact in facts:
            known = self._facts.get(fact.id)
            if known is not None and not fact.supersedes(known):
                continue
            if known is not None:
                del self._facts_at(known)[known.id]
                self._timelines.pop((known.kind, known.place), None)
            self._facts[fact.id] = fact
            self._facts_at(fact)[fact.id] = fact
            self._timelines.pop((fact.kind, fact.place), None)

    def timeline(self, kind: Kind, place: str) -> Timeline:
        """Return what counts at a place."""
        where = kind, place
        if where not in self._timelines:
            self._timelines[where] = Timeline.of(self._places.get(where, {}).values())
        return self._timelines[where]

    def between(self, kind: Kind, place: str, start: int, end: int) -> Sequence[Span]:
        """Return what counts at a place between two moments."""
        return self.timeline(kind, place).between(start, end) if (kind, place) in self._places else ()

    def forget(self, before: int) -> int:
        """Drop what ended before a moment; return how many facts that were.

        An open-ended fact is dropped once a later one of its place has started before it.
        """
        ended = [fact for fact in self._facts.values() if self._end(fact) <= before]
        for fact in ended:
            del self._facts[fact.id]
            del self._facts_at(fact)[fact.id]
            self._timelines.pop((fact.kind, fact.place), None)
        return len(ended)

    def overlapping(self) -> Iterator[str]:
        """Yield ids of facts that begin before another one of their place and kind has ended."""
        for kind, place in self._places:
            yield from self.timeline(kind, place).overlaps

    def _facts_at(self, fact: Fact) -> dict[str, Fact]:
        return self._places.setdefault((fact.kind, fact.place), {})

    def _change(self, fact: Fact) -> Change:
        return Change(fact.kind, fact.place, fact.start, self._reach(fact))

    def _end(self, fact: Fact) -> int:
        return self._next_start(fact) if fact.end is None else fact.end

    def _reach(self, fact: Fact) -> int:
        """Return until when it matters that a fact is there: an open-ended one before it ends or goes on with it."""
        beside = self._facts_at(fact).values()
        cuts = any(other.end is None and other.start < fact.start for other in beside)
        return max(self._next_start(fact), self._end(fact)) if cuts else self._end(fact)

    def _next_start(self, fact: Fact) -> int:
        beside = self._facts_at(fact).values()
        starts = (other.start for other in beside if other.start > fact.start and other.end != other.start)
        return min(starts, default=FOREVER)
