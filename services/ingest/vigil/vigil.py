"""All watches over the sources in one, with their metrics."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from andon.clock import SECOND
from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.telemetry import Metrics
from services.ingest.vigil.completeness import Completeness
from services.ingest.vigil.planned import PlannedStops
from services.ingest.vigil.silence import WATCH_INTERVAL, Silence
from services.ingest.vigil.skew import Skew

_WEEK = 7 * 86_400 * SECOND


class Vigil:
    """Watches silence, clocks and completeness.

    Args:
        plant: the plant model.
        metrics: where to count.
    """

    #: How often to call `tick`, seconds.
    interval = WATCH_INTERVAL / SECOND

    def __init__(self, plant: Plant, metrics: Metrics) -> None:
        self._metrics = metrics
        self._silence = Silence(plant)
        self._completeness = Completeness(plant)
        self._skews: dict[str, Skew] = {}
        self._stops = PlannedStops()
        self._forget_at = 0

    def plant_event(self, event: PlantEvent) -> None:
        """Take an event of the plant, which may tell of a planned stop."""
        self._stops.add(event)

    def claim(self, assets: Iterable[str], now: int) -> None:
        """Watch assets that a source is going to speak of."""
        self._silence.claim(assets, now)

    def heard(self, frames: pl.DataFrame, now: int) -> list[PlantEvent]:
        """Take live frames; return an event for each asset that was silent before."""
        self._completeness.count(frames, now)
        return self._silence.heard(frames["asset"].unique().to_list(), now)

    def confirmed(self, assets: Iterable[str], now: int) -> list[PlantEvent]:
        """Take that a source says of assets that nothing has changed; return an event for each that was silent."""
        return self._silence.heard(assets, now)

    def clock(self, source: str, ahead: int, now: int) -> None:
        """Take how far a source's newest time is ahead of its arrival, microseconds."""
        self._skews.setdefault(source, Skew()).note(ahead, now)

    def clock_set(self, by: int, now: int) -> None:
        """Take note that our clock, which says *now*, was set by so much, microseconds."""
        self._silence.clock_set(by, now)
        self._completeness.clock_set(by, now)

    def tick(self, now: int) -> list[PlantEvent]:
        """Return an event for each asset that has fallen silent; bring the metrics up to date."""
        events = self._silence.tick(now, self._stops.last)
        self._metrics.set("andon_silent_assets", self._silence.silent)
        self._completeness.tick(now)
        for samples in self._completeness.take():
            self._metrics.count("andon_samples_expected_total", samples.expected, asset=samples.asset)
            self._metrics.count("andon_samples_received_total", samples.received, asset=samples.asset)
        for source, skew in self._skews.items():
            if skew.seconds is not None:
                self._metrics.set("andon_source_skew_seconds", skew.seconds, source=source)
        if now > self._forget_at:
            self._forget_at = now + _WEEK
            self._stops.forget(now - _WEEK)
        return events
