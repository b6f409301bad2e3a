"""Two spools on one disk, and the policies for when they are full and when they are forced to disk.

Frames wait in one, to be drained slowly; events about the plant and dead letters in the other, to be delivered as soon
as Kafka is back and before anything newer of their kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from andon.clock import SECOND, Clock
from andon.telemetry import Metrics, get_logger
from services.ingest.outlet.parcel import FRAME_STAGES, Parcel
from services.ingest.outlet.settings import Fsync, Overflow, SpoolSettings
from services.ingest.outlet.spool import NoRoomError, Spool

_log = get_logger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")
_NOTICES_SHARE = 16


class Store:
    """Keeps parcels on disk; all work on the disk happens in one thread, in order.

    Args:
        settings: where, how much, and the policies.
        metrics: where to count.
        clock: the time, microseconds UTC.

    Attributes:
        frames: the spool of frames.
        notices: the spool of events and dead letters.
        dropped: events that the overflow policy has dropped since the start.
        full: why there was no room for what is waiting; None if nothing waits for room.

    Raises:
        ConfigError: the directory cannot be used, or another process uses it.
    """

    def __init__(self, settings: SpoolSettings, metrics: Metrics, clock: Clock) -> None:
        self._settings, self._metrics, self._clock = settings, metrics, clock
        durable, aside = settings.fsync is not Fsync.NEVER, settings.max_bytes // _NOTICES_SHARE
        self.frames = Spool(settings.directory / "frames", settings.max_bytes - aside, durable=durable)
        self.notices = Spool(settings.directory / "notices", aside, durable=durable)
        self.dropped = 0
        self.full: str | None = None
        self._disk = ThreadPoolExecutor(1, "spool")
        metrics.count("andon_spool_torn_bytes_total", self.frames.torn_bytes + self.notices.torn_bytes)
        metrics.count("andon_spool_dropped_total", 0, policy=settings.overflow)
        metrics.set("andon_spool_limit_bytes", settings.max_bytes)
        self._measure()

    @property
    def empty(self) -> bool:
        """Whether both spools are."""
        return self.frames.empty and self.notices.empty

    async def close(self) -> None:
        """Force everything to disk and let the directory go."""
        for spool in (self.frames, self.notices):
            await self.run(spool.close)
        self._disk.shutdown()

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Do something with a spool in the thread that may."""
        return await asyncio.get_running_loop().run_in_executor(self._disk, lambda: work(*args, **kwargs))

    async def keep(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Take parcels, or drop what the overflow policy says.

        Returns:
            Those for which there is no room, in order: whoever has them waits.
        """
        left = await self.run(self._keep, parcels)
        self._metrics.set("andon_spool_full", self.full is not None)
        return left

    async def tick(self) -> None:
        """Do what the passing of time asks for: force to disk, measure."""
        await self.run(self._tick)

    def _keep(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        self.full = None
        left: list[Parcel] = []
        for parcel in parcels:
            behind = any(self._spool_of(each) is self._spool_of(parcel) for each in left)  # order is kept
            if behind or not self._fits(parcel):
                left.append(parcel)
        if self._settings.fsync is Fsync.ALWAYS and not self._synced():
            return list(parcels)  # what was written is written again: the same ids, so of no further effect
        return left

    def _spool_of(self, parcel: Parcel) -> Spool:
        return self.frames if parcel.stage in FRAME_STAGES else self.notices

    def _fits(self, parcel: Parcel) -> bool:
        """Keep a parcel, or drop it or others for it; return False when it has to wait."""
        spool = self._spool_of(parcel)
        blocks = list(parcel.blocks())
        while True:
            try:
                spool.append(blocks, self._clock())
            except NoRoomError as error:
                self.full = str(error)
                if not self._made_room(spool):
                    return self._dropped_newest(parcel)
            else:
                self._metrics.count("andon_spool_written_total", len(parcel.lines), stage=parcel.stage)
                return True

    def _made_room(self, spool: Spool) -> bool:
        victim = self.frames if spool.empty else spool
        if self._settings.overflow is not Overflow.DROP_OLDEST or victim.empty:
            return False
        self._count_dropped(victim.drop_oldest())
        return True

    def _dropped_newest(self, parcel: Parcel) -> bool:
        if self._settings.overflow is not Overflow.DROP_NEWEST:
            return False
        self._count_dropped(len(parcel.lines))
        return True

    def _count_dropped(self, count: int) -> None:
        self.dropped += count
        self._metrics.count("andon_spool_dropped_total", count, policy=self._settings.overflow)

    def _synced(self) -> bool:
        try:
            self.frames.sync()
            self.notices.sync()
        except NoRoomError as error:
            self.full = str(error)
            return False
        return True

    def _tick(self) -> None:
        if self._settings.fsync is Fsync.INTERVAL and not self._synced():
            _log.error("the spool is not on disk", reason=self.full)
        self._measure()

    def _measure(self) -> None:
        oldest = [spool.oldest for spool in (self.frames, self.notices) if spool.oldest is not None]
        self._metrics.set("andon_spool_full", self.full is not None)
        self._metrics.set("andon_spool_bytes", self.frames.size + self.notices.size)
        self._metrics.set("andon_spool_frames", self.frames.lines)
        self._metrics.set("andon_spool_notices", self.notices.lines)
        self._metrics.set("andon_spool_oldest_seconds", (self._clock() - min(oldest)) / SECOND if oldest else 0)
