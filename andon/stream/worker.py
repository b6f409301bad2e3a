"""The shell around a stage: Faust, Kafka, metrics and health on one side, pure logic on the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from andon.clock import MILLISECOND, SECOND, Clock, Steps, wall_clock
from andon.contracts import CATALOGUE
from andon.errors import AndonError, DeliveryError
from andon.plant import Plant
from andon.settings import Settings
from andon.stream.assignment import Assignment, Means
from andon.stream.batches import Feed, Gate
from andon.stream.cancellation import answered, cancelled_from_outside
from andon.stream.codec import Decoder
from andon.stream.faust_app import batch_app
from andon.stream.instruments import Instruments
from andon.stream.lane import Lane, Route
from andon.stream.partition import Partition, Prepared
from andon.stream.producer import BatchProducer
from andon.stream.renewal import Renewal
from andon.stream.stage import StageSpec
from andon.stream.state import Restored, position_line, restore
from andon.stream.topics import changelog_name, ensure_topics, group_name, topic_name
from andon.telemetry import Health, Metrics, Progress, get_logger
from andon.tracing import tracing

_log = get_logger(__name__)
_RETRY_PAUSE_S = 0.5
#: For how long a topic must end before what was read of it until it is taken for another one.
_RENEWED_AFTER_S = 10.0


class Worker:
    """Runs one stage until it is stopped.

    Args:
        spec: the stage.
        plant: the plant model.
        settings: the service's settings.
        clock: microseconds UTC.
        metrics: where to count; made when not given.
    """

    def __init__(
        self,
        spec: StageSpec,
        plant: Plant,
        settings: Settings,
        *,
        clock: Clock = wall_clock,
        metrics: Metrics | None = None,
    ) -> None:
        self._spec, self._plant, self._settings, self._clock = spec, plant, settings, clock
        self.metrics = metrics or Metrics(spec.service)
        self._instruments = Instruments(self.metrics, str(spec.input), clock)
        self._topic = topic_name(plant, spec.input)
        self._route = Route(
            service=spec.service,
            input_topic=self._topic,
            topics={stage: topic_name(plant, stage) for stage in CATALOGUE},
            changelog=changelog_name(plant, spec.service) if spec.stateful else None,
        )
        self._decoder = Decoder(plant, CATALOGUE[spec.input].event, without=spec.without)
        self._producer = BatchProducer(settings.kafka, on_retry=self._instruments.retried)
        self._gate = Gate(settings.runtime.in_flight)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=spec.service)
        self._means = Means(self._open, self._lane, self._executor, self._gate, clock, self._instruments, self._fail)
        self._assignment: Assignment | None = None
        self._failure: asyncio.Future[None] | None = None
        self._renewal = Renewal(_RENEWED_AFTER_S)
        self._progress = Progress(settings.telemetry.progress_timeout / SECOND, time.monotonic)
        self.health = Health(self.metrics, self._progress, ready=lambda: self._assignment is not None)
        feed = Feed(
            topic=self._topic,
            gate=self._gate,
            committable=self._committable,
            fetch_max_wait_ms=settings.kafka.fetch_max_wait // MILLISECOND,
            linger=settings.runtime.linger / SECOND,
            plenty=settings.runtime.poll_records // 10,
        )
        self._app = batch_app(group_name(plant, spec.service), settings.kafka, settings.runtime, feed, self._consume)
        self._app.on_partitions_revoked.connect(self._on_revoked)
        self._app.on_partitions_assigned.connect(self._on_assigned)

    @property
    def partitions(self) -> tuple[int, ...]:
        """Partitions that this worker owns now."""
        return self._assignment.numbers if self._assignment else ()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set.

        Raises:
            AndonError: a topic or setting is wrong.
            KafkaError: no broker answers at the start.
            Exception: whatever broke the worker; the process should end and be restarted.
        """
        self._failure = asyncio.get_running_loop().create_future()
        telemetry = self._settings.telemetry
        await self.health.start(telemetry.host, telemetry.port)
        try:
            async with tracing(telemetry.tracing, self.metrics) as self._instruments.tracer:
                await self._connect(stop, self._failure)
        finally:
            await self.health.stop()
            self._executor.shutdown(wait=False, cancel_futures=True)
        _log.info("stopped")

    async def _connect(self, stop: asyncio.Event, failure: asyncio.Future[None]) -> None:
        changelogs = [self._route.changelog] if self._route.changelog else []
        await ensure_topics(self._settings.kafka, self._plant, changelogs=changelogs)
        await self._producer.start()
        try:
            await self._work(stop, failure)
        finally:
            await self._producer.stop()

    async def _work(self, stop: asyncio.Event, failure: asyncio.Future[None]) -> None:
        await self._app.start()
        _log.info("started", input=self._topic, group=self._app.conf.id, port=self.health.port)
        ends = (
            asyncio.create_task(stop.wait(), name="stop"),
            asyncio.create_task(self._app.wait_until_stopped(), name="faust"),
            asyncio.create_task(self._tick_forever(), name="ticker"),
        )
        try:
            await asyncio.wait((failure, *ends), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await self._stop()
        for ended in (failure, *ends):
            if ended.done() and not ended.cancelled():
                ended.result()
        if self._app.crash_reason:
            raise self._app.crash_reason

    async def _stop(self) -> None:
        """Stop in order, inside one deadline: no more reading, deliver what waits, commit, leave the group."""
        deadline = asyncio.get_running_loop().time() + self._settings.runtime.stop_deadline / SECOND
        try:
            async with asyncio.timeout_at(deadline):
                if self._assignment and not self._app.crash_reason:
                    self._app.consumer.stop_flow()
                    await self._assignment.drain()
                await self._app.stop()
        except TimeoutError:
            _log.warning("stop deadline passed; what was not delivered is read again by the next worker")
        self._release()

    async def _consume(self, stream: Any) -> None:
        self._gate.waiting = stream.channel.queue.qsize
        try:
            async for event in stream.events():
                self._gate.look()
                assignment = self._assignment
                # A poll of a former generation is read again by whoever owns the partition now.
                if assignment and event.message.generation_id == assignment.generation:
                    await assignment.take(event.value, event.message.partition)
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
            # Faust would start the agent again, without the batch that was at work.
            self._fail(DeliveryError("a request to the broker was given up"))
        except Exception as error:  # noqa: BLE001 - the one loop that owns failures: the worker stops with the cause
            self._fail(error)

    async def _open(self, number: int) -> Partition:
        restored = Restored()
        if self._route.changelog:
            restored = await self._restore(self._route.changelog, number)
            end = self._app.consumer.highwater(TP(self._topic, number))
            if end is not None and end < restored.delivered:
                renewed = await self._renew(number, restored.delivered, end)
                if self._app.consumer.committed(TP(self._topic, number)):  # what was polled is not its beginning
                    raise renewed
                restored.delivered = 0
        return Partition(
            self._spec,
            self._decoder,
            self._topic,
            number,
            restored.state,
            restored.delivered,
            traced=self._instruments.tracer.records,
        )

    async def _renew(self, number: int, reached: int, end: int | None) -> AndonError:
        """Record that nothing was read of a partition, as it holds something else now; return what to say of it."""
        self._instruments.renewed()
        if self._route.changelog:
            await self._producer.deliver(self._route.changelog, number, [position_line(0)])
        await self._app.consumer._commit({TP(self._topic, number): 0})
        place = f"{self._topic}/{number}"
        said = f"{place} ends at {end} and was read up to {reached}: it was made anew and is read as a whole"
        _log.warning(said)
        return AndonError(said)

    async def _restore(self, changelog: str, number: int) -> Restored:
        while True:
            try:
                return await answered(restore(self._settings.kafka, changelog, number))
            except KafkaError as error:
                _log.warning("state cannot be read, trying again", topic=changelog, partition=number, error=repr(error))
                await asyncio.sleep(_RETRY_PAUSE_S)

    def _lane(
        self, number: int, on_delivered: Callable[[Prepared], None], on_recorded: Callable[[Prepared], None]
    ) -> Lane:
        depth = self._settings.runtime.in_flight
        return Lane(number, self._route, self._producer, self._clock, on_delivered, on_recorded, depth)

    async def _tick_forever(self) -> None:
        steps = Steps(self._clock)
        while True:
            await asyncio.sleep(self._settings.runtime.tick / SECOND)
            now, step = steps.look()
            if step:
                _log.warning("the clock was set", seconds=step / SECOND)
            assignment = self._assignment
            if assignment:
                # By a clock that was set an hour forward, every machine would have been silent for an hour.
                await assignment.tick(now, self._is_caught_up if not step else lambda _: False)
                for number in assignment.numbers:
                    await self._note_progress(number, assignment.delivered.get(number))

    def _is_caught_up(self, partition: Partition) -> bool:
        where = TP(self._topic, partition.number)
        age = self._app.consumer.seconds_since_fetch(where)
        freshness = 3 * self._settings.kafka.fetch_max_wait / SECOND + 1.0
        return age is not None and age < freshness and partition.position >= (self._app.consumer.highwater(where) or 0)

    async def _note_progress(self, number: int, delivered: int | None) -> None:
        consumer, where = self._app.consumer, TP(self._topic, number)
        if where not in consumer.assignment():
            return
        reached = consumer.committed(where) if delivered is None else delivered
        end = consumer.highwater(where)
        lag = max(0, (end or 0) - reached)
        self._instruments.lagged(number, lag)
        self._progress.note(str(number), reached, lag)
        if self._renewal.is_seen(number, reached, end):
            self._release()  # what is open belongs to the former topic
            self._fail(await self._renew(number, reached, end))

    def _committable(self, where: TP) -> int | None:
        return self._assignment.committable.get(where.partition) if self._assignment else None

    async def _on_revoked(self, _: Any, revoked: set[TP], **__: Any) -> None:
        self._release()

    async def _on_assigned(self, _: Any, assigned: set[TP], **__: Any) -> None:
        self._release()
        numbers = sorted(tp.partition for tp in assigned if tp.topic == self._topic)
        self._assignment = Assignment(self._app.consumer_generation_id, numbers, self._means)
        self._instruments.assigned(len(numbers))
        _log.info("partitions assigned", partitions=numbers)

    def _release(self) -> None:
        assignment, self._assignment = self._assignment, None
        if assignment:
            assignment.close()
            self._instruments.released(assignment.numbers)
            for number in assignment.numbers:
                self._progress.forget(str(number))
                self._renewal.forget(number)

    def _fail(self, error: BaseException | None) -> None:
        if self._failure and not self._failure.done() and error:
            self._failure.set_exception(error)
