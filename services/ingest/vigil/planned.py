"""Planned stops: when a machine is expected to say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from andon.contracts import PlantEvent

_FOREVER = 2**63 - 1


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
            known = [each for each in self._states.get(place, ()) if each[0] != event.time]
            self._states[place] = sorted([*known, state])

    def forget(self, before: int) -> None:
        """Drop what has ended before a moment, microseconds UTC."""
        for place, stops in self._stops.items():
            self._stops[place] = {name: stop for name, stop in stops.items() if stop[1] > before}
        for place, states in self._states.items():
            self._states[place] = [each for each in states[:-1] if each[1] > before and each[0] > before] + states[-1:]

    def covers(self, asset: str, moment: int) -> bool:
        """Return whether an asset stands still as planned at a moment, microseconds UTC."""
        return any(self._at(place, moment) for place in _places(asset))

    def _at(self, place: str, moment: int) -> bool:
        if any(start <= moment < end for start, end in self._stops.get(place, {}).values()):
            return True
        past = [each for each in self._states.get(place, ()) if each[0] <= moment]
        return bool(past) and past[-1][2] and moment < past[-1][1]


def _places(asset: str) -> Iterator[str]:
    """Yield the asset, the paths above it, and the site."""
    parts = asset.split("/")
    for depth in range(len(parts), -1, -1):
        yield "/".join(parts[:depth])
