"""From sources to the way out: one pipeline for all sources of the process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from andon.clock import MILLISECOND, SECOND, Clock, Steps, wall_clock
from andon.contracts import Origin, PlantEvent
from andon.plant import Plant
from andon.stream.deadletters import source_letter
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.ingest.framing.framer import Framed, Framer
from services.ingest.outlet.outlet import Outlet
from services.ingest.readings import Readings, Refusal, Signals
from services.ingest.session import Session
from services.ingest.settings import IngestSettings
from services.ingest.vigil.vigil import Vigil

_log = get_logger(__name__)
#: How often frames are made of what has arrived: more of it costs less CPU and adds to the latency.
FLUSH_INTERVAL = 40 * MILLISECOND
#: Readings that may wait for their frame, or for Kafka; a source that brings more has to wait.
MAX_WAITING = 200_000


class Pipeline:
    """Makes frames of what the sources read, and hands them to the outlet.

    Args:
        plant: the plant model.
        signals: numbers of its tags.
        settings: how to treat what sources say.
        outlet: takes frames, events and dead letters.
        metrics: where to count.
        clock: microseconds UTC.

    Attributes:
        vigil: watches the sources.
    """

    def __init__(
        self,
        plant: Plant,
        signals: Signals,
        settings: IngestSettings,
        outlet: Outlet,
        metrics: Metrics,
        *,
        clock: Clock = wall_clock,
    ) -> None:
        self._signals, self._outlet, self._metrics, self._clock = signals, outlet, metrics, clock
        self._framer = Framer(
            plant, signals, future=settings.future, tolerance=settings.future_tolerance, hold=settings.hold
        )
        self._session = Session(f"{settings.session}-{clock()}", plant)
        self.vigil = Vigil(plant, metrics)
        self._names: list[str] = []
        self._refusals = 0
        self._unsafe: deque[tuple[int, Callable[[], None]]] = deque()
        self._room = asyncio.Event()
        self._room.set()

    def intake(self, name: str) -> SourceIntake:
        """Return what the source *name* delivers to."""
        self._names.append(name)
        for counter in ("andon_source_values_total", "andon_source_frames_total", "andon_source_unparsed_total"):
            self._metrics.count(counter, 0, source=name)
        return SourceIntake(self, len(self._names) - 1, name)

    async def run(self) -> None:
        """Make frames of what arrives, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_INTERVAL / SECOND)
            await self.flush()

    async def watch(self) -> None:
        """Tell which assets have fallen silent, until cancelled."""
        steps = Steps(self._clock)
        while True:
            await asyncio.sleep(self.vigil.interval)
            now, step = steps.look()
            if step:
                _log.warning("the clock was set", seconds=step / SECOND)
                self.vigil.clock_set(step, now)
            for event in self.vigil.tick(now):
                await self._outlet.tell(event)

    async def flush(self, *, all_of_it: bool = False) -> None:
        """Hand over the frames that wait no longer; all that there is, at the end."""
        now = self._clock()
        framed = self._framer.due(now, all_of_it=all_of_it)
        waits_for = self._framer.waits_for
        await self._hand_over(framed, now)
        while self._unsafe and self._unsafe[0][0] < waits_for:
            self._unsafe.popleft()[1]()
        if len(self._framer) < MAX_WAITING:
            self._room.set()

    async def read(self, source: int, batch: Readings, on_safe: Callable[[], None] | None) -> None:
        """Take a batch of a source; waits while too much waits."""
        if len(self._framer) >= MAX_WAITING:
            self._room.clear()
        await self._room.wait()
        self._metrics.count("andon_source_values_total", len(batch), source=self._names[source])
        number = self._framer.add(batch, source)
        if on_safe is not None:
            self._unsafe.append((number, on_safe))

    async def replay(self, source: int, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        """Take whole frames and return when they are out."""
        self._metrics.count("andon_source_frames_total", rows.height, source=self._names[source])
        await self._outlet.put(stage, rows)

    async def refuse(self, source: int, refusal: Refusal) -> None:
        """Make a dead letter of what cannot be used."""
        now, name = self._clock(), self._names[source]
        self._refusals += 1
        self._metrics.count("andon_deadletters_total", stage=Stage.RAW, reason=refusal.reason)
        letter = source_letter(
            service="ingest",
            source=name,
            address=refusal.address,
            number=f"{now}@{self._refusals}",
            reason=refusal.reason,
            detail=refusal.detail,
            key=refusal.asset,
            payload=refusal.payload,
            now=now,
        )
        await self._outlet.refuse(letter)

    async def tell(self, event: PlantEvent) -> None:
        """Put an event about the plant on the bus."""
        await self._outlet.tell(event)

    def expect(self, signals: Iterable[int], now: int) -> None:
        """Watch the assets of signals that a source is going to deliver."""
        self.vigil.claim({self._signals.name(signal)[0] for signal in signals}, now)

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        """Take note that signals have not changed; their assets are talking."""
        self._framer.confirm(signals, now)
        for event in self.vigil.confirmed({self._signals.name(each)[0] for each in signals}, now):
            await self._outlet.tell(event)

    async def _hand_over(self, framed: Framed, now: int) -> None:
        for source, count in framed.unparsed.items():
            self._metrics.count("andon_source_unparsed_total", count, source=self._names[source])
        for (source, reason), count in framed.replaced.items():
            self._metrics.count("andon_source_times_replaced_total", count, source=self._names[source], reason=reason)
        for source, ahead in framed.ahead.items():
            self.vigil.clock(self._names[source], ahead, now)
        for source, refusal in framed.refused:
            await self.refuse(source, refusal)
        await self._put(framed.frames, now)

    async def _put(self, frames: Sequence[tuple[str, Origin, pl.DataFrame]], now: int) -> None:
        emitted = pl.lit(now, dtype=pl.Int64).alias("ingest_time")
        puts = []
        for asset_class, origin, rows in frames:
            stage = Stage.BACKFILL if origin is Origin.BACKFILL else Stage.RAW
            stamped = self._session.stamp(asset_class, rows.with_columns(emitted), origin)
            puts.append(self._outlet.put(stage, stamped))
            if origin is not Origin.BACKFILL:
                puts.extend(self._outlet.tell(event) for event in self.vigil.heard(stamped, now))
        await asyncio.gather(*puts)


class SourceIntake:
    """What one source delivers to; see `services.ingest.source.Intake`."""

    def __init__(self, pipeline: Pipeline, number: int, name: str) -> None:
        self._pipeline, self._number, self.name = pipeline, number, name

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        """Take values."""
        await self._pipeline.read(self._number, batch, on_safe)

    async def replay(self, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        """Take whole frames."""
        await self._pipeline.replay(self._number, stage, asset_class, rows)

    async def refuse(self, refusal: Refusal) -> None:
        """Take what cannot be used."""
        await self._pipeline.refuse(self._number, refusal)

    async def tell(self, event: PlantEvent) -> None:
        """Take an event about the plant."""
        await self._pipeline.tell(event)

    def expect(self, signals: Iterable[int], now: int) -> None:
        """Take note of what is to come."""
        self._pipeline.expect(signals, now)

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        """Take note of what has not changed."""
        await self._pipeline.confirm(signals, now)
