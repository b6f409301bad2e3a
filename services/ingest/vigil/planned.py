"""Planned stops: when a machine is expected to say nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter

from andon.contracts import PlantEvent
from andon.uns.places import levels

_FOREVER = 2**63 - 1
_start = itemgetter(0)


class PlannedStops:
    """What plant events say about planned stops, by what they are about: an asset, a path above it, or the site.

    Maintenance is one, and so is the machine state `planned_stop`. A state lasts until the next one of the same asset.
    """

    def __init__(self) -> None:
        self._stops: dict[str, dict[str, tuple[int, int]]] = {}
        self._states: dict[str, list[tuple[int, int, bool]]] = {}

    def add(self, event: PlantEvent) -> None:
        """Take note of an event; one with a known id replaces it."""
        place, end = event.asset or "", _FOREVER if event.end is None else event.end
        if event.kind == "maintenance":
            self._stops.setdefault(place, {})[event.id] = (event.time, end)
        elif event.kind == "machine_state":
            state = (event.time, end, event.name == "planned_stop")
            known = self._states.setdefault(place, [])
            known[bisect_left(known, event.time, key=_start) : bisect_right(known, event.time, key=_start)] = [state]

    def forget(self, before: int) -> None:
        """Drop what has ended before a moment, microseconds UTC."""
        for place, stops in self._stops.items():
            self._stops[place] = {name: stop for name, stop in stops.items() if stop[1] > before}
        for place, states in self._states.items():
            self._states[place] = [each for each in states[:-1] if each[1] > before and each[0] > before] + states[-1:]

    def last(self, asset: str, since: int, now: int) -> int:
        """Return the latest moment from *since* to *now* at which an asset stood still as planned, or *since*."""
        spans = (span for place in levels(asset) for span in self._spans(place, since))
        return max((min(end, now) for start, end in spans if start <= now and end > since), default=since)

    def _spans(self, place: str, since: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of what is said of one place, at least of all that lasts longer than *since*."""
        yield from self._stops.get(place, {}).values()
        states = self._states.get(place, [])
        first = max(bisect_right(states, since, key=_start) - 1, 0)
        for (start, end, stop), following in pairwise([*states[first:], (_FOREVER, _FOREVER, False)]):
            if stop:
                yield start, min(end, following[0])
