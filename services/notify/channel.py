"""One sink's way: a consumer group of its own, so that no sink waits for another, and each goes on where it was."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from andon.clock import SECOND
from andon.contracts import Origin
from andon.plant import Plant
from andon.service import run_until
from andon.stream.cancellation import answered
from andon.stream.codec import Consumed
from andon.stream.group import Listener, group_consumer
from andon.stream.stage import Rejected
from andon.stream.topics import group_name, topic_name
from andon.telemetry import Progress, get_logger
from andon.uns import Stage
from services.notify.config import SinkConfig
from services.notify.courier import Courier, Parcel
from services.notify.notification import Notification, read_record
from services.notify.offsets import Offsets
from services.notify.report import SinkReport
from services.notify.routing import destinations
from services.notify.settings import ServiceSettings
from services.notify.sinks.sink import Sink

_log = get_logger(__name__)
_POLL_MS = 200
#: As many of a partition may wait for the sink; more are not read.
_MOST_WAITING = 1_000
#: How long running attempts may take when partitions go to another worker, which waits for that.
_HANDOVER_S = 1.0
_COMMIT_RETRY_S = 1.0


class Channel:
    """Tells one sink what it is to be told, and commits what it has taken and what has been given up.

    Args:
        config: the sink's name, and how long each delivery is tried.
        sink: the sink, which is not open yet.
        plant: the plant model, with its routes.
        settings: the service's settings.
        report: hears what becomes of notifications.
        progress: hears how far partitions are.

    Attributes:
        assigned: whether it has its partitions.
    """

    def __init__(
        self,
        config: SinkConfig,
        sink: Sink,
        plant: Plant,
        settings: ServiceSettings,
        report: SinkReport,
        progress: Progress,
    ) -> None:
        self._config, self._sink, self._plant, self._settings = config, sink, plant, settings
        self._report, self._progress = report, progress
        self._topic = topic_name(plant, Stage.ALERT)
        self._consumer = group_consumer(settings.kafka, group_name(plant, f"notify.{config.name}"))
        self._courier: Courier | None = None
        self._offsets: dict[TopicPartition, Offsets] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._changed = asyncio.Event()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.assigned = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set.

        Raises:
            ConfigError: a file or secret that the sink needs can no longer be used.
            KafkaError: no broker answers.
        """
        async with self._sink:
            await self._consumer.start()
            try:
                self._consumer.subscribe(topics=[self._topic], listener=Listener(self._on_revoked, self._on_assigned))
                await run_until(stop, self._poll(), self._commit_forever(), self._tick(), self._broken())
                await self._hand_over(self._settings.runtime.stop_deadline / SECOND)
            finally:
                await self._consumer.stop()

    async def _poll(self) -> None:
        most = self._settings.runtime.poll_records
        while True:
            self._hold_back()
            polled = await answered(self._consumer.getmany(timeout_ms=_POLL_MS, max_records=most))
            for where, records in polled.items():
                for record in records:  # per-event Python: there are a few alerts a minute
                    await self._take(where, record)

    def _hold_back(self) -> None:
        """Read no further where as much waits as may."""
        assigned, paused = self._consumer.assignment(), self._consumer.paused()
        full = {where for where, offsets in self._offsets.items() if offsets.waiting >= _MOST_WAITING} & assigned
        self._consumer.pause(*(full - paused))
        self._consumer.resume(*(paused - full))

    async def _take(self, where: TopicPartition, record: Consumed) -> None:
        offsets, courier = self._offsets.get(where), self._courier
        if offsets is None or courier is None:  # between two assignments; whoever owns the partition reads it again
            return
        offsets.begin(record.offset)
        read = read_record(record)
        if isinstance(read, Rejected):
            await self._report.unreadable(read, record)
        elif self._is_wanted(read):
            courier.put(Parcel(record, read))
            return
        self._done(offsets, record)

    def _is_wanted(self, notification: Notification) -> bool:
        alert, name = notification.alert, self._config.name
        wanted = name in destinations(self._plant.routes, alert, (name,))
        if wanted and alert.origin is Origin.BACKFILL and not self._settings.notify.history:
            self._report.passed()
            return False
        return wanted

    def _done(self, offsets: Offsets, record: Consumed) -> None:
        offsets.done(record.offset)
        self._changed.set()

    async def _commit_forever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self._commit():
                await asyncio.sleep(_COMMIT_RETRY_S)
                self._changed.set()

    async def _commit(self) -> bool:
        reached = {where: offsets.reached for where, offsets in self._offsets.items()}
        ends = {where: end for where, end in reached.items() if end != self._committed.get(where)}
        try:
            if ends:
                await answered(self._consumer.commit(ends))
        except KafkaError as error:
            _log.warning("not committed; these alerts may be told again", sink=self._config.name, error=repr(error))
            return False
        self._committed.update(ends)
        return True

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._settings.runtime.tick / SECOND)
            waiting = {where: offsets.waiting for where, offsets in self._offsets.items()}
            self._report.waiting(sum(waiting.values()))
            for where, offsets in self._offsets.items():
                lag = max(0, (self._consumer.highwater(where) or 0) - offsets.reached)
                self._report.lag(where.partition, offsets.reached, lag)
                # What waits for the sink has a time limit of its own, and a restart would not bring the sink back.
                self._progress.note(self._name(where), offsets.reached, 0 if waiting[where] else lag)

    async def _broken(self) -> None:
        await self._failure

    def _fail(self, error: BaseException) -> None:
        if not self._failure.done():
            self._failure.set_exception(error)

    async def _hand_over(self, within_s: float) -> None:
        """Let running attempts come to an end, inside a time, and commit; the rest is read again by the next worker."""
        self.assigned = False
        courier, self._courier = self._courier, None
        if courier:
            await courier.close(within_s)
            await self._commit()
        for where in self._offsets:
            self._progress.forget(self._name(where))
        self._offsets, self._committed = {}, {}

    async def _on_revoked(self, _: Collection[TopicPartition]) -> None:
        await self._hand_over(_HANDOVER_S)

    async def _on_assigned(self, assigned: Collection[TopicPartition]) -> None:
        try:
            starts = {where: await self._start_of(where) for where in assigned}
        except KafkaError as error:  # the client would only log it, and read on from anywhere
            self._fail(error)
            return
        for where, start in starts.items():
            self._consumer.seek(where, start)
        self._offsets = {where: Offsets(start) for where, start in starts.items()}
        self._courier = Courier(self._sink, self._config, self._report, self._delivered, self._fail)
        self._changed.set()
        self.assigned = True
        _log.info("partitions assigned", sink=self._config.name, partitions=sorted(each.partition for each in assigned))

    async def _start_of(self, where: TopicPartition) -> int:
        """Return where to read on; a new sink begins at the present end, as the past should ring no bells."""
        committed = await answered(self._consumer.committed(where))
        if committed is not None:
            return int(committed)
        return int((await answered(self._consumer.end_offsets([where])))[where])

    def _delivered(self, record: Consumed) -> None:
        self._done(self._offsets[TopicPartition(record.topic, record.partition)], record)

    def _name(self, where: TopicPartition) -> str:
        return f"{self._config.name}/{where.partition}"
