"""One stage's way into the history: records wait for others, one batch is at work, offsets are committed behind it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka import TopicPartition

from andon.clock import SECOND, Clock
from andon.stream.codec import Consumed
from andon.stream.stage import Rejected
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.historian.batch import Refused
from services.historian.keepers import Keeper, Kept
from services.historian.settings import HistorianSettings

_log = get_logger(__name__)

#: Sends rejected records, each with the record itself, to the dead letters.
Letters = Callable[[Sequence[tuple[Rejected, Consumed]]], Awaitable[None]]
#: Commits the offset from which each partition must be read again.
Commit = Callable[[Mapping[TopicPartition, int]], Awaitable[None]]


class Lane:
    """Keeps the records of one stage; a slow or failing one holds up no other.

    Args:
        stage: names it in metrics.
        keeper: makes batches durable.
        settings: how large batches are and how long they wait.
        letters: takes what cannot be kept.
        commit: told of what is kept.
        metrics: where to count.
        clock: microseconds UTC.

    Attributes:
        reached: partition to the offset up to which (exclusive) everything is kept.
    """

    def __init__(
        self,
        stage: Stage,
        keeper: Keeper,
        settings: HistorianSettings,
        letters: Letters,
        commit: Commit,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._stage, self._keeper, self._settings = stage, keeper, settings
        self._letters, self._commit, self._metrics, self._clock = letters, commit, metrics, clock
        self._waiting: dict[TopicPartition, list[Consumed]] = {}
        self._bytes = self._generation = 0
        self._draining = False
        self._arrived, self._enough, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.reached: dict[TopicPartition, int] = {}

    @property
    def full(self) -> bool:
        """Whether as much waits as may be written at once, so that no more should be read."""
        records = sum(map(len, self._waiting.values()))
        return records >= self._settings.flush_records or self._bytes >= self._settings.flush_bytes

    def put(self, where: TopicPartition, records: Sequence[Consumed]) -> None:
        """Take the next records of a partition."""
        self.reached.setdefault(where, records[0].offset)
        waiting = self._waiting.setdefault(where, [])
        if waiting and waiting[-1].offset >= records[0].offset:  # a rebalance went back to what is committed
            waiting[:] = [record for record in waiting if record.offset < records[0].offset]
        waiting.extend(records)
        self._bytes += sum(len(record.value or b"") for record in records)
        self._idle.clear()
        self._arrived.set()
        if self.full or self._draining:
            self._enough.set()

    def give_up(self) -> None:
        """Give up what waits and do not commit what is at work: whoever owns the partitions next reads it again."""
        self._generation += 1
        self._waiting.clear()
        self._bytes = 0
        self.reached.clear()

    async def run(self) -> None:
        """Write batch after batch."""
        while True:
            await self._arrived.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.flush_interval / SECOND):
                    await self._enough.wait()
            await self._write(self._take(), self._generation)
            if not self._waiting:
                self._idle.set()

    async def drain(self) -> None:
        """Return when all that waits is written."""
        self._draining = True
        self._enough.set()
        await self._idle.wait()

    def _take(self) -> dict[TopicPartition, list[Consumed]]:
        taken, self._waiting, self._bytes = self._waiting, {}, 0
        self._arrived.clear()
        if not self._draining:
            self._enough.clear()
        return taken

    async def _write(self, taken: Mapping[TopicPartition, Sequence[Consumed]], generation: int) -> None:
        records = [record for part in taken.values() for record in part]
        if not records:
            return
        before = time.perf_counter()
        kept = await self._keeper.keep(records)
        self._metrics.observe("andon_batch_seconds", time.perf_counter() - before, stage=self._stage)
        await self._set_aside(kept.refused, records)
        self._count(kept, len(records))
        if generation == self._generation:
            ends = {where: part[-1].offset + 1 for where, part in taken.items()}
            self.reached.update(ends)
            await self._commit(ends)

    async def _set_aside(self, refused: Sequence[Refused], records: Sequence[Consumed]) -> None:
        pairs = [
            (Rejected(records[each.record].offset, each.reason, each.detail), records[each.record]) for each in refused
        ]
        if pairs:
            await self._letters(pairs)
        for rejected, _ in pairs:
            self._metrics.count("andon_deadletters_total", stage=self._stage, reason=rejected.reason)
        for rejected, record in {rejected.reason: (rejected, record) for rejected, record in pairs}.values():
            key = (record.key or b"").decode(errors="replace")
            where = f"{record.topic}/{record.partition}@{record.offset}"
            _log.warning("set aside", reason=rejected.reason, detail=rejected.detail, asset=key, record=where)

    def _count(self, kept: Kept, records: int) -> None:
        stage = self._stage
        self._metrics.count("andon_records_read_total", records, stage=stage)
        self._metrics.observe("andon_batch_records", records, stage=stage)
        self._metrics.count("andon_history_rows_total", kept.new, stage=stage)
        self._metrics.count("andon_history_expired_total", kept.expired, stage=stage)
        now = self._clock()
        for ingested in kept.ingest_times:
            self._metrics.observe("andon_latency_seconds", max(0, now - ingested) / SECOND, stage=stage)
