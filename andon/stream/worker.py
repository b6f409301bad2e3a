"""The shell around a stage: Faust, Kafka, metrics and health on one side, pure logic on the other."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.types import TP

from andon.clock import MILLISECOND, SECOND, Clock, wall_clock
from andon.contracts import CATALOGUE
from andon.errors import DeliveryError
from andon.plant import Plant
from andon.settings import KafkaSettings, Settings
from andon.stream.batches import BatchScheduler, BatchTransport, Feed, Gate, Undecoded
from andon.stream.cancellation import answered, cancelled_from_outside
from andon.stream.codec import Decoder
from andon.stream.lane import Lane, Route
from andon.stream.partition import Partition, Prepared
from andon.stream.producer import BatchProducer
from andon.stream.stage import StageSpec
from andon.stream.state import Restored, restore
from andon.stream.topics import changelog_name, ensure_topics, group_name, topic_name
from andon.telemetry import Health, Metrics, Progress, get_logger

_log = get_logger(__name__)
_RETRY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class _Assigned:
    """A partition at work; `turn` keeps its batches and ticks in one order from processing to delivery."""

    partition: Partition
    lane: Lane
    turn: asyncio.Lock


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
        self._stage = str(spec.input)
        self._topic = topic_name(plant, spec.input)
        self._route = Route(
            service=spec.service,
            input_topic=self._topic,
            topics={stage: topic_name(plant, stage) for stage in CATALOGUE},
            changelog=changelog_name(plant, spec.service) if spec.stateful else None,
        )
        self._decoder = Decoder(plant, CATALOGUE[spec.input].event, without=spec.without)
        self._producer = BatchProducer(settings.kafka, on_retry=self._on_retry)
        self._gate = Gate(settings.runtime.in_flight)
        self._open_partitions: dict[int, _Assigned] = {}
        self._committable: dict[int, int] = {}
        self._delivered: dict[int, int] = {}
        self._assignment: list[int] | None = None
        self._generation = -1
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=spec.service)
        self._failure: asyncio.Future[None] | None = None
        self._progress = Progress(settings.telemetry.progress_timeout / SECOND, time.monotonic)
        self.health = Health(self.metrics, self._progress, ready=lambda: self._assignment is not None)
        self._app: faust.App | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set.

        Raises:
            AndonError: a topic or setting is wrong.
            KafkaError: no broker answers at the start.
            Exception: whatever broke the worker; the process should end and be restarted.
        """
        self._failure = asyncio.get_running_loop().create_future()
        await self.health.start(self._settings.telemetry.host, self._settings.telemetry.port)
        changelogs = [self._route.changelog] if self._route.changelog else []
        await ensure_topics(self._settings.kafka, self._plant, changelogs=changelogs)
        await self._producer.start()
        self._app = app = self._build_app()
        await app.start()
        ticker = asyncio.create_task(self._tick_forever(), name="ticker")
        _log.info("started", input=self._topic, group=app.conf.id, port=self.health.port)
        crashed = asyncio.create_task(app.wait_until_stopped(), name="faust")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait((stopping, crashed, self._failure, ticker), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ticker.cancel()
            await self._stop(app)
            crashed.cancel()
            stopping.cancel()
        self._raise_failure(ticker)

    def _raise_failure(self, ticker: asyncio.Task[None]) -> None:
        app, failure = self._app, self._failure
        if failure and failure.done():
            failure.result()
        if ticker.done() and not ticker.cancelled():
            ticker.result()
        if app and app.crash_reason:
            raise app.crash_reason

    async def _stop(self, app: faust.App) -> None:
        """Stop in order, inside one deadline: no more reading, deliver what waits, commit, leave the group."""
        deadline = asyncio.get_running_loop().time() + self._settings.runtime.stop_deadline / SECOND
        try:
            async with asyncio.timeout_at(deadline):
                if app.consumer and not app.crash_reason:
                    app.consumer.stop_flow()
                    await asyncio.gather(*(each.lane.drain() for each in self._open_partitions.values()))
                await app.stop()
        except TimeoutError:
            _log.warning("stop deadline passed; what was not delivered is read again by the next worker")
        self._release()
        await self._producer.stop()
        await self.health.stop()
        self._executor.shutdown(wait=False, cancel_futures=True)
        _log.info("stopped")

    def _build_app(self) -> faust.App:
        kafka, runtime = self._settings.kafka, self._settings.runtime

        class Scheduler(BatchScheduler):
            batch_topics = frozenset({self._topic})

        app = faust.App(
            group_name(self._plant, self._spec.service),
            broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
            broker_credentials=_credentials(kafka),
            broker_session_timeout=kafka.session_timeout / SECOND,
            broker_rebalance_timeout=kafka.rebalance_timeout / SECOND,
            broker_heartbeat_interval=kafka.session_timeout / SECOND / 4,
            broker_request_timeout=max(kafka.request_timeout, kafka.session_timeout) / SECOND,
            broker_commit_interval=runtime.commit_interval / SECOND,
            broker_max_poll_records=runtime.poll_records,
            broker_max_poll_interval=600.0,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=4 * 1_048_576,
            topic_partitions=kafka.partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            web_enabled=False,
            ConsumerScheduler=Scheduler,
        )
        feed = Feed(self._topic, self._gate, self._committable_offset, kafka.fetch_max_wait // MILLISECOND)
        app.transport = BatchTransport(app, feed)
        app.agent(app.topic(self._topic, schema=Undecoded(), acks=False), name=self._spec.service)(self._consume)
        app.on_partitions_revoked.connect(self._on_revoked)
        app.on_partitions_assigned.connect(self._on_assigned)
        return app

    async def _consume(self, stream: Any) -> None:
        try:
            async for event in stream.events():
                await self._take(event.value, event.message.generation_id)
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
            # Faust would start the agent again, without the batch that was at work.
            self._fail(DeliveryError("a request to the broker was given up"))
        except Exception as error:  # noqa: BLE001 - the one loop that owns failures: the worker stops with the cause
            self._fail(error)

    async def _take(self, records: list[Any], generation: int) -> None:
        if generation != self._generation:
            return  # polled before the last rebalance: whoever owns the partition now reads it again
        self._gate.take()
        assigned = await self._open(records[0].partition)
        async with assigned.turn:
            prepared = await self._in_thread(assigned.partition.prepare, records, self._clock())
            if generation != self._generation:
                return
            if prepared is None:
                self._gate.give_back()
            else:
                await self._enqueue(assigned, prepared)

    async def _enqueue(self, assigned: _Assigned, prepared: Prepared) -> None:
        before = time.monotonic()
        await assigned.lane.put(prepared)
        self.metrics.count("andon_backpressure_seconds_total", time.monotonic() - before, stage=self._stage)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        before = time.perf_counter()
        result = await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)
        self.metrics.observe("andon_batch_seconds", time.perf_counter() - before, stage=self._stage)
        return result

    async def _open(self, number: int) -> _Assigned:
        """Return the partition's logic; at its first batch, with the state that a former worker kept."""
        if number not in self._open_partitions:
            restored = await self._restore(self._route.changelog, number) if self._route.changelog else Restored()
            partition = Partition(self._spec, self._decoder, self._topic, number, restored.state, restored.delivered)
            lane = Lane(
                number,
                self._route,
                self._producer,
                self._clock,
                on_delivered=lambda prepared: self._on_delivered(number, prepared),
                on_recorded=lambda prepared: self._on_recorded(number, prepared),
                depth=self._settings.runtime.in_flight,
            )
            lane.task.add_done_callback(lambda task: self._on_lane_done(lane, task))
            self._open_partitions[number] = _Assigned(partition, lane, asyncio.Lock())
        return self._open_partitions[number]

    async def _restore(self, changelog: str, number: int) -> Restored:
        while True:
            try:
                return await answered(restore(self._settings.kafka, changelog, number))
            except KafkaError as error:
                _log.warning("state cannot be read, trying again", topic=changelog, partition=number, error=repr(error))
                await asyncio.sleep(_RETRY_PAUSE_S)

    def _on_delivered(self, number: int, prepared: Prepared) -> None:
        if prepared.records:
            self._gate.give_back()
        self._delivered[number] = prepared.delivered
        self._count(number, prepared)

    def _on_recorded(self, number: int, prepared: Prepared) -> None:
        self._committable[number] = prepared.needed_from
        self.metrics.set("andon_committed_offset", prepared.needed_from, partition=str(number))

    def _count(self, number: int, prepared: Prepared) -> None:
        count, stage = self.metrics.count, self._stage
        count("andon_records_read_total", prepared.records, stage=stage)
        count("andon_records_replayed_total", prepared.replayed, stage=stage)
        count("andon_records_repeated_total", prepared.repeated, stage=stage)
        if prepared.records:
            self.metrics.observe("andon_batch_records", prepared.records, stage=stage)
        for sent, lines in prepared.lines.items():
            count("andon_records_sent_total", len(lines), stage=str(sent))
            count("andon_sent_bytes_total", sum(len(line.value or b"") for line in lines), stage=str(sent))
        for reason, amount in prepared.reasons.items():
            count("andon_deadletters_total", amount, stage=stage, reason=str(reason))
        for measured in prepared.counts:
            count(measured.metric, measured.amount, **measured.labels)
        now = self._clock()
        for ingested in prepared.ingest_times:
            self.metrics.observe("andon_latency_seconds", max(0, now - ingested) / SECOND, stage=stage)
        self.metrics.set("andon_position_offset", prepared.delivered, partition=str(number))

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.runtime.tick / SECOND)
            for assigned in list(self._open_partitions.values()):
                if self._is_caught_up(assigned.partition):
                    await self._tick(assigned)
                else:
                    assigned.partition.behind()
                await assigned.lane.record()
            for number in self._assignment or ():
                self._note_progress(number)

    def _is_caught_up(self, partition: Partition) -> bool:
        consumer, where = self._app and self._app.consumer, TP(self._topic, partition.number)
        if not consumer or (age := consumer.seconds_since_fetch(where)) is None:
            return False
        freshness = 3 * self._settings.kafka.fetch_max_wait / SECOND + 1.0
        return bool(age < freshness and partition.position >= (consumer.highwater(where) or 0))

    async def _tick(self, assigned: _Assigned) -> None:
        generation = self._generation
        async with assigned.turn:
            prepared = await self._in_thread(assigned.partition.tick, self._clock())
            if generation == self._generation and not prepared.idle:
                await assigned.lane.put(prepared)

    def _note_progress(self, number: int) -> None:
        consumer = self._app.consumer if self._app else None
        if consumer is None:
            return
        where = TP(self._topic, number)
        reached = self._delivered.get(number) or consumer.committed(where)
        lag = max(0, (consumer.highwater(where) or 0) - reached)
        self.metrics.set("andon_lag_records", lag, partition=str(number))
        self._progress.note(str(number), reached, lag)

    def _committable_offset(self, tp: TP) -> int | None:
        return self._committable.get(tp.partition)

    async def _on_revoked(self, _: Any, revoked: set[TP], **__: Any) -> None:
        self._release()

    async def _on_assigned(self, _: Any, assigned: set[TP], **__: Any) -> None:
        self._release()
        self._generation = self._app.consumer_generation_id if self._app else -1
        self._assignment = sorted(tp.partition for tp in assigned if tp.topic == self._topic)
        self.metrics.set("andon_partitions", len(self._assignment))
        self.metrics.count("andon_rebalances_total")
        _log.info("partitions assigned", partitions=self._assignment)

    def _release(self) -> None:
        """Drop every partition.

        An eager rebalance takes everything; each partition starts again from what is committed, which
        re-reads at most one window span and re-creates the same ids.
        """
        for assigned in self._open_partitions.values():
            assigned.lane.give_up()
        for number in self._assignment or ():
            self._progress.forget(str(number))
            self.metrics.set("andon_lag_records", 0, partition=str(number))
        self._generation, self._assignment = -1, None
        for mapping in (self._open_partitions, self._committable, self._delivered):
            mapping.clear()
        self._gate.reset()

    def _on_lane_done(self, lane: Lane, task: asyncio.Task[None]) -> None:
        if not lane.given_up:
            self._fail(DeliveryError("delivery was cancelled") if task.cancelled() else task.exception())

    def _on_retry(self) -> None:
        self.metrics.count("andon_delivery_retries_total", stage=self._stage)

    def _fail(self, error: BaseException | None) -> None:
        if self._failure and not self._failure.done() and error:
            self._failure.set_exception(error)


def _credentials(kafka: KafkaSettings) -> Any:
    context = kafka.tls.context()
    if kafka.sasl.mechanism and kafka.sasl.password:
        return faust.SASLCredentials(
            username=kafka.sasl.username,
            password=kafka.sasl.password.get_secret_value(),
            mechanism=kafka.sasl.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
