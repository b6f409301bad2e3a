"""The way out of ingest: Kafka, or a bounded disk spool while Kafka is away.

Whatever is handed over waits in one queue. Everything that waits is delivered together, in the order in which it came,
so that a slow acknowledgement makes batches larger and not the wait longer. What Kafka does not acknowledge within the
patience goes to the spool. When Kafka is back, live data goes to it directly at once, and the spool is drained behind:
frames slowly, to stage `backfill`; events and dead letters first and as fast as they go.

Delivery is at least once: what was on its way when Kafka went away can be there twice, under the same id.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, Self

import polars as pl

from andon.clock import SECOND, Clock, wall_clock
from andon.contracts import DeadLetter, PlantEvent
from andon.contracts.ids import event_id
from andon.errors import AndonError, DeliveryError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.ingest.outlet.bus import Bus
from services.ingest.outlet.delivery import Delivery
from services.ingest.outlet.drain import Drain
from services.ingest.outlet.pace import RateMeter
from services.ingest.outlet.parcel import FRAME_STAGES, Parcel, event_parcel, frames_parcel, letter_parcel
from services.ingest.outlet.settings import SpoolSettings
from services.ingest.outlet.store import Store
from services.ingest.outlet.traces import Traces

_log = get_logger(__name__)
_RETRY_S = 0.2


class Outlet:
    """Takes frames, events and dead letters, and answers for them from then on.

    Used as ``async with``. It starts whether Kafka is there or not.

    Args:
        kafka: how to reach Kafka.
        spool: the spool and its policies.
        plant: whose topics.
        metrics: where to count.
        clock: the time, microseconds UTC.
        traces: begins traces.

    Raises:
        ConfigError: the spool's directory cannot be used, or another process uses it.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        spool: SpoolSettings,
        plant: Plant,
        metrics: Metrics,
        *,
        clock: Clock = wall_clock,
        traces: Traces | None = None,
    ) -> None:
        self._settings, self._site, self._metrics, self._clock = spool, plant.site, metrics, clock
        self._traces = traces or Traces()
        self._store = Store(spool, metrics, clock)
        self._bus = Bus(kafka, plant, spool.patience, metrics, clock=clock, traces=self._traces)
        self._delivery = Delivery(self._bus, metrics, clock)
        self._drain = Drain(
            self._bus, self._delivery, self._store, rate=self._rate, drained=self._drained, metrics=metrics, clock=clock
        )
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue()
        self._live_rate = RateMeter()
        self._background: asyncio.Task[None] | None = None
        self._full_told = False
        self._told_dropped = 0

    async def __aenter__(self) -> Self:
        """Connect if Kafka answers within the patience, and begin.

        Raises:
            ConfigError: Kafka answers, but its topics cannot be used as they are.
        """
        try:
            await self._drain.connect()
        except BaseException:
            await self._close()
            raise
        self._background = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what was handed over, as far as Kafka or the spool takes it, and let go of both."""
        try:
            with contextlib.suppress(TimeoutError, AndonError):
                async with asyncio.timeout(2 * self._settings.patience / SECOND):
                    await self._unless_ended(asyncio.ensure_future(self._queue.join()))
        finally:
            if self._background:
                self._background.cancel()
                await asyncio.wait((self._background,))
            await self._close()

    async def watch(self) -> None:
        """Wait until the outlet cannot go on, and raise why; it does not return.

        Raises:
            ConfigError: Kafka answers, but its topics cannot be used as they are.
        """
        await self._unless_ended(asyncio.get_running_loop().create_future())

    async def put(self, stage: Stage, frames: pl.DataFrame) -> None:
        """Hand over frames and return when Kafka has them all, or the spool, as safely as its fsync policy says.

        While neither takes them, this waits, and so does the source.

        Args:
            stage: raw or backfill.
            frames: contract columns of `Frame`.

        Raises:
            ConfigError: Kafka answers, but its topics cannot be used as they are.
            DeliveryError: the outlet has been stopped.
        """
        if not frames.is_empty():
            await self._hand_over(frames_parcel(stage, frames, traced=self._traces.share))

    async def tell(self, event: PlantEvent) -> None:
        """Hand over an event about the plant; waits and raises like `put`."""
        await self._hand_over(event_parcel(event, self._site))

    async def refuse(self, letter: DeadLetter) -> None:
        """Hand over a dead letter; waits and raises like `put`."""
        await self._hand_over(letter_parcel(letter))

    async def _hand_over(self, parcel: Parcel) -> None:
        self._queue.put_nowait(parcel)
        await self._unless_ended(parcel.taken)

    async def _unless_ended(self, awaited: asyncio.Future[None]) -> None:
        if self._background is None:
            raise DeliveryError("the outlet has not been started")
        try:
            await asyncio.wait((awaited, self._background), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not awaited.done():
                awaited.cancel()
        if awaited.cancelled():  # the background has ended first
            if not self._background.cancelled():
                self._background.result()
            raise DeliveryError("the outlet has been stopped")

    async def _run(self) -> None:
        tasks = [asyncio.create_task(each) for each in (self._deliver_all(), self._drain.run(), self._tick())]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _deliver_all(self) -> None:
        """Bring everything that waits on its way, together, for ever."""
        while True:
            parcels = [await self._queue.get()]
            while not self._queue.empty():
                parcels.append(self._queue.get_nowait())
            self._live_rate.add(sum(len(each.lines) for each in parcels if each.frames is not None), time.monotonic())
            await self._place(parcels)
            for parcel in parcels:
                self._queue.task_done()
                if not parcel.taken.done():  # whoever waited for it may be gone
                    parcel.taken.set_result(None)

    async def _place(self, parcels: Sequence[Parcel]) -> None:
        left = list(parcels)
        while left:
            if self._bus.here.is_set():
                left = await self._directly(left)
            if not left:
                self._store.full = None  # nothing waits for it any more
            else:
                left = await self._store.keep(left)
                self._note_room()
            if left:
                await asyncio.sleep(_RETRY_S)  # until Kafka is back or the disk has room, which can only be tried
        if self._bus.here.is_set() and self._store.frames.empty:
            self._full_told = False

    async def _directly(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Send to Kafka what may overtake the spool, and return what is left to do."""
        ahead = [each for each in parcels if each.stage in FRAME_STAGES or self._store.notices.empty]
        mail: dict[Stage, list[Line]] = {}
        for parcel in ahead:
            mail.setdefault(parcel.stage, []).extend(parcel.lines)
        unsent = await self._delivery.deliver(mail)
        if not unsent:
            return [each for each in parcels if each not in ahead]
        open_lines = {id(line): line for lines in unsent.values() for line in lines}
        for parcel in ahead:
            parcel.lines = [line for line in parcel.lines if open_lines.pop(id(line), None)]
        letters = list(open_lines.values())  # those of lines that were too large
        return [*(each for each in parcels if each.lines), *([Parcel(Stage.DEADLETTER, letters)] if letters else [])]

    def _note_room(self) -> None:
        """Tell, once until the spool has been drained, that there is no room."""
        if self._store.full is None or self._full_told:
            return
        self._full_told = True
        _log.error("no room in the spool", reason=self._store.full, policy=self._settings.overflow)
        self._announce("spool_full", reason=self._store.full, policy=self._settings.overflow)

    def _drained(self, frames: int) -> None:
        dropped, self._told_dropped = self._store.dropped - self._told_dropped, self._store.dropped
        self._full_told = False
        _log.info("the spool is drained", frames=frames, dropped=dropped)
        self._announce("spool_drained", frames=str(frames), dropped=str(dropped))

    def _announce(self, kind: Literal["spool_full", "spool_drained"], **attributes: str) -> None:
        """Put an event of our own behind what waits; whoever calls must not wait for it."""
        now = self._clock()
        name = event_id(self._site, now, Stage.EVENT, kind)
        event = PlantEvent(id=name, time=now, kind=kind, name="spool", attributes=attributes)
        self._queue.put_nowait(event_parcel(event, self._site))

    def _rate(self) -> float:
        """Return frames a second that may be drained now."""
        live = self._live_rate.rate(time.monotonic())
        return max(self._settings.drain_factor * live, self._settings.drain_floor)

    async def _tick(self) -> None:
        while True:
            await self._store.tick()
            await asyncio.sleep(self._settings.fsync_interval / SECOND)

    async def _close(self) -> None:
        await self._bus.disconnect()
        if self._store.frames.lines:
            _log.warning("frames are left in the spool for the next start", frames=self._store.frames.lines)
        await self._store.close()
