"""Kafka's return: connecting again, and draining the spool behind live data."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from aiokafka.errors import KafkaError

from andon.clock import Clock
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.ingest.outlet.bus import Bus
from services.ingest.outlet.chunk import Chunk
from services.ingest.outlet.delivery import Delivery
from services.ingest.outlet.letters import spoiled_letter
from services.ingest.outlet.pace import Pace
from services.ingest.outlet.parcel import lines_of
from services.ingest.outlet.store import Store

_log = get_logger(__name__)
_RETRY_S = 0.5
_IDLE_S = 0.1
#: Small enough that a live frame never waits long for one: some milliseconds of work.
_CHUNK_LINES = 500


class Drain:
    """Keeps the connection to Kafka, and empties the spool over it.

    Args:
        bus: Kafka.
        delivery: over the same bus.
        store: what to drain.
        rate: frames a second that may be drained now.
        drained: called with the number of delivered frames when no spooled frame is left.
        metrics: where to count.
        clock: the time, microseconds UTC.
    """

    def __init__(
        self,
        bus: Bus,
        delivery: Delivery,
        store: Store,
        *,
        rate: Callable[[], float],
        drained: Callable[[int], None],
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._bus, self._delivery, self._store = bus, delivery, store
        self._rate, self._drained = rate, drained
        self._metrics, self._clock = metrics, clock
        self._pace = Pace()
        self._count = 0
        self._reason = ""
        metrics.count("andon_spool_spoiled_total", 0)

    async def run(self) -> None:
        """Go on for ever.

        Raises:
            ConfigError: Kafka answers, but its topics cannot be used as they are.
        """
        while True:
            if not self._bus.here.is_set() and not await self.connect():
                await asyncio.sleep(_RETRY_S)
            elif not await self._step():
                await asyncio.sleep(_IDLE_S)  # polled: cheaper than an event for each parcel that is spooled

    async def connect(self) -> bool:
        """Try to connect; return whether Kafka is here.

        Raises:
            ConfigError: Kafka answers, but its topics cannot be used as they are.
        """
        try:
            await self._bus.connect()
        except (KafkaError, TimeoutError) as error:
            return self._still_away(repr(error))
        if not self._store.empty and not await self._step():  # an answer is not yet an acknowledgement
            return self._still_away("it answers, but acknowledges nothing")
        self._bus.arrive()
        self._reason = ""
        return True

    def _still_away(self, reason: str) -> bool:
        if reason != self._reason:
            _log.warning("Kafka cannot be used, trying on", reason=reason)
        self._reason = reason
        return False

    async def _step(self) -> bool:
        """Deliver what is oldest; return whether there was anything that could be delivered."""
        notices = not self._store.notices.empty
        spool = self._store.notices if notices else self._store.frames
        if spool.empty:
            return False
        if not notices:
            await asyncio.sleep(self._pace.delay(time.monotonic()))
        chunk = await self._store.run(spool.peek, _CHUNK_LINES)
        if not await self._deliver(chunk):
            return False
        await self._store.run(spool.advance, chunk)
        if not notices:
            self._account(chunk.lines)
        return True

    async def _deliver(self, chunk: Chunk) -> bool:
        mail = lines_of(chunk.blocks, traced=self._bus.traces.share)
        for spoiled in chunk.spoiled:
            _log.error("damage in the spool", segment=chunk.segment, offset=spoiled.offset, reason=spoiled.reason)
            mail.setdefault(Stage.DEADLETTER, []).append(spoiled_letter(spoiled, chunk.segment, self._clock()))
        if await self._delivery.deliver(mail, history=True):
            return False
        self._metrics.count("andon_spool_spoiled_total", len(chunk.spoiled))
        self._metrics.count("andon_deadletters_total", len(chunk.spoiled), stage=Stage.BACKFILL, reason="malformed")
        for stage, lines in mail.items():
            self._metrics.count("andon_spool_drained_total", len(lines), stage=stage)
        return True

    def _account(self, frames: int) -> None:
        self._pace.spend(frames, self._rate(), time.monotonic())
        self._count += frames
        if self._store.frames.empty:
            self._drained(self._count)
            self._count = 0
