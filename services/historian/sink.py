"""The shell around the historian: one consumer group, a lane for each stage, a database and a lake."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from andon.clock import SECOND, Clock, wall_clock
from andon.database import connect, migrate
from andon.plant import Plant
from andon.stream.cancellation import answered
from andon.stream.codec import Consumed
from andon.stream.deadletters import dead_letter, encode_letter
from andon.stream.group import Listener, group_consumer
from andon.stream.producer import BatchProducer
from andon.stream.stage import Rejected
from andon.stream.topics import ensure_topics, group_name, topic_name
from andon.telemetry import Health, Metrics, Progress, get_logger
from andon.uns import Stage
from services.historian.archive import Archive, open_archive
from services.historian.batch import Horizon, Reader
from services.historian.keepers import EventKeeper, Keeper, LakeThread, TableKeeper
from services.historian.lake.files import Files
from services.historian.lake.lake import Lake, Pace
from services.historian.lane import Lane
from services.historian.patience import Patience
from services.historian.settings import ServiceSettings
from services.historian.tables import DOCUMENT_STAGES
from services.historian.upkeep import prune_forever

_log = get_logger(__name__)
_SERVICE = "historian"
_POLL_MS = 200
_T = TypeVar("_T")


class Sink:
    """Reads everything and keeps it.

    Args:
        plant: the plant model.
        settings: the service's settings.
        metrics: where to count.
        clock: microseconds UTC.

    Attributes:
        health: its HTTP server.

    Raises:
        ConfigError: the lake's directory cannot be used.
    """

    def __init__(self, plant: Plant, settings: ServiceSettings, metrics: Metrics, *, clock: Clock = wall_clock) -> None:
        self._plant, self._settings, self._own = plant, settings, settings.historian
        self._metrics, self._clock = metrics, clock
        self._patience = Patience(self._own.retry / SECOND, metrics)
        self._progress = Progress(settings.telemetry.progress_timeout / SECOND, time.monotonic)
        self.health = Health(metrics, self._progress, self._ready)
        self._consumer = group_consumer(settings.kafka, group_name(plant, _SERVICE))
        self._producer = BatchProducer(settings.kafka)
        pace = Pace(self._own.lake.grace, self._own.lake.idle / SECOND)
        self._lake = LakeThread(Lake(Files(self._own.lake.directory), pace), self._patience, metrics)
        self._lanes: dict[str, Lane] = {}
        self._assigned = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set.

        Raises:
            AndonError: a setting, a topic or the database is wrong.
            KafkaError: no broker answers at the start.
        """
        telemetry = self._settings.telemetry
        await self.health.start(telemetry.host, telemetry.port)
        try:
            async with contextlib.AsyncExitStack() as stack:
                archive = await _unless(stop, self._open(stack))
                if archive:
                    async with self._connected():
                        await self._work(stop, archive)
        finally:
            await self.health.stop()
        _log.info("stopped")

    async def _open(self, stack: contextlib.AsyncExitStack) -> Archive:
        there = self._patience.with_database
        connecting = partial(connect, self._settings.database, application=f"andon-{_SERVICE}")
        database = await there(lambda: stack.enter_async_context(connecting()))
        if self._settings.database.migrate:
            await there(lambda: migrate(database))
        return await there(lambda: open_archive(database, self._plant, datetime.now(UTC)))

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        await ensure_topics(self._settings.kafka, self._plant)
        await self._producer.start()
        try:
            await self._consumer.start()
            yield
        finally:
            await self._consumer.stop()
            await self._producer.stop()

    async def _work(self, stop: asyncio.Event, archive: Archive) -> None:
        self._lanes = self._make_lanes(archive)
        self._consumer.subscribe(topics=list(self._lanes), listener=Listener(self._on_revoked, self._on_assigned))
        _log.info("started", topics=list(self._lanes), port=self.health.port)
        lanes = list(dict.fromkeys(self._lanes.values()))
        pruning = prune_forever(archive, self._own, self._metrics, self._clock)
        endless: list[Coroutine[Any, Any, None]] = [*(lane.run() for lane in lanes), self._tick(), pruning]
        tasks = [asyncio.create_task(work) for work in (self._poll(stop), *endless)]
        try:
            await _first(tasks)
            await self._finish(lanes, tasks[1:])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _make_lanes(self, archive: Archive) -> dict[str, Lane]:
        """Return topic to lane; raw and backfill share one, so that no frame is merged from both at once."""
        history = topic_name(self._plant, Stage.BACKFILL)
        lanes: dict[str, Lane] = {}
        for stage in (Stage.RAW, Stage.CONTEXT, *DOCUMENT_STAGES):
            reader = Reader(self._plant, stage, archive.tables, archive.asset_ids, frozenset({history}))
            lake = self._lake if stage is Stage.RAW else None
            keeper = TableKeeper(reader, archive, self._patience, partial(self._horizon, stage), lake)
            lanes[topic_name(self._plant, stage)] = self._lane(stage, keeper)
        lanes[history] = lanes[topic_name(self._plant, Stage.RAW)]
        lanes[topic_name(self._plant, Stage.EVENT)] = self._lane(Stage.EVENT, EventKeeper(archive, self._patience))
        return lanes

    def _lane(self, stage: Stage, keeper: Keeper) -> Lane:
        return Lane(stage, keeper, self._own, self._set_aside, self._commit, self._metrics, self._clock)

    def _horizon(self, stage: Stage) -> Horizon:
        now, kept = self._clock(), self._own.retention.of(stage)
        return Horizon(now - kept if kept else 0, now + self._own.future_tolerance)

    async def _poll(self, stop: asyncio.Event) -> None:
        most = self._settings.runtime.poll_records
        while not stop.is_set():
            self._hold_back()
            polled = await answered(self._consumer.getmany(timeout_ms=_POLL_MS, max_records=most))
            for where, records in polled.items():
                self._lanes[where.topic].put(where, records)

    def _hold_back(self) -> None:
        """Read no further what lies in a lane that is full."""
        assigned, paused = self._consumer.assignment(), self._consumer.paused()
        full = {where for where in assigned if self._lanes[where.topic].full}
        self._consumer.pause(*(full - paused))
        self._consumer.resume(*(paused - full))

    async def _finish(self, lanes: Sequence[Lane], working: Sequence[asyncio.Task[None]]) -> None:
        """Write what is in hand, inside the deadline; what is not written is read again by the next worker."""
        try:
            async with asyncio.timeout(self._settings.runtime.stop_deadline / SECOND):
                await _first([*working, asyncio.create_task(_drained(lanes))])
                await self._lake.close(everything=True)
        except TimeoutError:
            _log.warning("stop deadline passed; what was not written is read again by the next worker")

    async def _set_aside(self, pairs: Sequence[tuple[Rejected, Consumed]]) -> None:
        letters, now = topic_name(self._plant, Stage.DEADLETTER), self._clock()
        for rejected, record in pairs:
            number = record.partition
            letter = dead_letter(rejected, record, service=_SERVICE, topic=record.topic, partition=number, now=now)
            await self._producer.deliver(letters, number, [encode_letter(letter)])

    async def _commit(self, ends: Mapping[TopicPartition, int]) -> None:
        try:
            await answered(self._consumer.commit(dict(ends)))
        except KafkaError as error:
            _log.warning("not committed; these records may be read again", error=repr(error))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._settings.runtime.tick / SECOND)
            for where in self._consumer.assignment():
                self._note_progress(where)
            await self._lake.close()

    def _note_progress(self, where: TopicPartition) -> None:
        reached = self._lanes[where.topic].reached.get(where)
        if reached is None:
            return
        name, lag = _short(where), max(0, (self._consumer.highwater(where) or 0) - reached)
        self._metrics.set("andon_lag_records", lag, partition=name)
        self._metrics.set("andon_committed_offset", reached, partition=name)
        # A restart brings back neither the database nor room on the disk.
        self._progress.note(name, reached, 0 if self._patience.waiting else lag)

    def _ready(self) -> bool:
        return self._assigned and not self._patience.database_away

    async def _on_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._assigned = False
        for lane in self._lanes.values():
            lane.give_up()
        for where in revoked:
            self._progress.forget(_short(where))
            self._metrics.set("andon_lag_records", 0, partition=_short(where))

    async def _on_assigned(self, assigned: Collection[TopicPartition]) -> None:
        numbers = {where.partition for where in assigned}
        self._metrics.set("andon_partitions", len(assigned))
        self._metrics.count("andon_rebalances_total")
        await self._lake.own(numbers)
        self._assigned = True
        _log.info("partitions assigned", partitions=sorted(numbers))


def _short(where: TopicPartition) -> str:
    return f"{where.topic.rpartition('.')[2]}/{where.partition}"


async def _drained(lanes: Sequence[Lane]) -> None:
    await asyncio.gather(*(lane.drain() for lane in lanes))


async def _first(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Return when one of *tasks* has ended; raise what ended it."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return what *work* returns; None when *stop* is set before that."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait((working, stopping))
