"""Assets that have stopped talking: told once, and told again when they are back."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from andon.clock import MILLISECOND, SECOND
from andon.contracts import PlantEvent
from andon.contracts.ids import event_id
from andon.plant import AssetClass, Plant
from andon.uns import Stage
from services.ingest.framing.times import NO_TIME, Mask, Times
from services.ingest.vigil.shift import shifted

#: Expected intervals after which an asset counts as silent. The watch is kept every `WATCH_INTERVAL`, so that the
#: event is out within three.
_INTERVALS = 2.5
#: How often `Silence.tick` is to be called, microseconds.
WATCH_INTERVAL = 250 * MILLISECOND
#: Shorter silences are those of networks and schedulers, not of machines.
_SHORTEST = SECOND

#: Takes an asset and two moments; returns the latest one between at which it stood still as planned, or the first.
LastStop = Callable[[str, int, int], int]


class Silence:
    """Watches the assets of a plant.

    An asset is watched from the moment at which a source claims it or first speaks of it. A silence that begins in a
    planned stop counts from that stop's end.

    Args:
        plant: the plant model; tells at which intervals an asset is expected to speak.
    """

    def __init__(self, plant: Plant) -> None:
        self._assets = list(plant.assets)
        self._number = {asset: index for index, asset in enumerate(self._assets)}
        allowed = {name: _allowed(each) for name, each in plant.classes.items()}
        self._allowed = np.array([allowed[each.asset_class] for each in plant.assets.values()], np.int64)
        self._heard = np.full(len(self._assets), NO_TIME, np.int64)
        self._silent = np.zeros(len(self._assets), np.bool_)

    @property
    def silent(self) -> int:
        """How many assets are silent now."""
        return int(self._silent.sum())

    def claim(self, assets: Iterable[str], now: int) -> None:
        """Watch assets that are to speak from now on."""
        numbers = self._numbers(assets)
        self._heard[numbers[self._heard[numbers] == NO_TIME]] = now

    def heard(self, assets: Iterable[str], now: int) -> list[PlantEvent]:
        """Take note that assets have spoken; return an event for each that was silent."""
        numbers = self._numbers(assets)
        back = numbers[self._silent[numbers]]
        since = self._heard[back].copy()
        self._heard[numbers], self._silent[numbers] = now, False
        return [self._event("source_back", int(n), now, int(s)) for n, s in zip(back, since, strict=True)]

    def tick(self, now: int, last_stop: LastStop) -> list[PlantEvent]:
        """Return an event for each asset that has just been silent for too long.

        Args:
            now: microseconds UTC.
            last_stop: tells planned stops; a silence counts from the end of the last one.
        """
        for index in np.flatnonzero(self._overdue(now)).tolist():
            self._heard[index] = last_stop(self._assets[index], int(self._heard[index]), now)
        found = np.flatnonzero(self._overdue(now))
        self._silent[found] = True
        return [self._event("source_silent", index, now, int(self._heard[index])) for index in found.tolist()]

    def clock_set(self, by: int, now: int) -> None:
        """Take note that the clock was set by so much, microseconds: nobody has been silent for longer for it."""
        self._heard = shifted(self._heard, by, now)

    def _overdue(self, now: int) -> Mask:
        watched = (self._heard != NO_TIME) & ~self._silent
        overdue: Mask = watched & (now - np.where(watched, self._heard, now) > self._allowed)
        return overdue

    def _numbers(self, assets: Iterable[str]) -> Times:
        return np.array([self._number[asset] for asset in assets], np.int64)

    def _event(self, kind: str, number: int, now: int, since: int) -> PlantEvent:
        asset = self._assets[number]
        time = now if kind == "source_back" else since
        attributes = {"silent_since": str(since), "allowed_s": f"{self._allowed[number] / SECOND:g}"}
        name = event_id(asset, time, Stage.EVENT, kind)
        return PlantEvent.model_validate(
            {"id": name, "time": time, "asset": asset, "kind": kind, "name": asset, "attributes": attributes}
        )


def _allowed(asset_class: AssetClass) -> int:
    """Return the longest silence that is none: of the tag that is expected most often."""
    rates = [tag.rate_hz for tag in asset_class.tags.values()]
    intervals = [asset_class.scan if rate is None else SECOND / rate for rate in rates]
    return max(round(_INTERVALS * min(intervals)), _SHORTEST)
