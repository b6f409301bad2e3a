"""Kafka as the outlet sees it: there, or away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from aiokafka.errors import KafkaError

from andon.clock import SECOND, Clock
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.producer import BatchProducer
from andon.stream.publish import Partitions
from andon.stream.topics import count_partitions, ensure_topics, topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.ingest.outlet.traces import Traces

_log = get_logger(__name__)
_STAGES = (Stage.RAW, Stage.BACKFILL, Stage.EVENT, Stage.DEADLETTER)

_CLOSE_S = 1.0

#: Lines of each stage, in order.
Mail = Mapping[Stage, Sequence[Line]]
_Sending = Mapping[asyncio.Task[list[Line]], tuple[Stage, Sequence[Line]]]


class Bus:
    """Two connections to Kafka, so that history never stands before live data in a request.

    Args:
        settings: how to reach Kafka.
        plant: whose topics.
        patience: how long Kafka may take to answer, microseconds.
        metrics: where to count.
        clock: microseconds UTC.
        traces: told of what Kafka has acknowledged.

    Attributes:
        here: set while Kafka acknowledges.
        traces: the same.
    """

    def __init__(
        self, settings: KafkaSettings, plant: Plant, patience: int, metrics: Metrics, *, clock: Clock, traces: Traces
    ) -> None:
        self.traces, self._clock = traces, clock
        # A request that takes longer than the patience has no use any more: its events are in the spool by then.
        in_time = {"request_timeout": min(settings.request_timeout, patience)}
        self._settings, self._plant, self._metrics = settings.model_copy(update=in_time), plant, metrics
        self._patience_s = patience / SECOND
        self._topics = {stage: topic_name(plant, stage) for stage in _STAGES}
        self._partitions: Partitions | None = None
        self._live: BatchProducer | None = None
        self._history: BatchProducer | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.here = asyncio.Event()
        metrics.set("andon_kafka_away", 1)

    async def connect(self) -> None:
        """Connect anew, and create the topics at the first time; `arrive` says that the connection is good.

        Raises:
            ConfigError: topics cannot be used as they are.
            KafkaError, TimeoutError: Kafka does not answer.
        """
        async with asyncio.timeout(self._patience_s):
            if not self._partitions:
                await ensure_topics(self._settings, self._plant)
                self._partitions = Partitions((await count_partitions(self._settings))[self._topics[Stage.RAW]])
            live, history = self._producer(), self._producer()
            await live.start()
            try:
                await history.start()
            except BaseException:
                await live.stop()
                raise
        await self.disconnect()
        self._live, self._history = live, history

    def arrive(self) -> None:
        """Take note that Kafka acknowledges."""
        _log.info("Kafka is here", servers=self._settings.bootstrap_servers)
        self._metrics.set("andon_kafka_away", 0)
        self.here.set()

    async def disconnect(self) -> None:
        """Close the connections.

        A producer first delivers what it still holds, so that in a partition it does not come behind newer frames. It
        is not waited for long: all of it has been kept elsewhere.
        """
        for producer in (self._live, self._history):
            if producer:
                self._closing.add(task := asyncio.create_task(_stop(producer)))
                task.add_done_callback(self._closing.discard)
        self._live = self._history = None
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_S)

    async def deliver(self, mail: Mail, *, history: bool = False) -> tuple[Mail, Mail]:
        """Send *mail* and wait for Kafka's acknowledgement.

        Args:
            mail: what to send.
            history: whether it may wait behind live data.

        Returns:
            What Kafka has not acknowledged within the patience, after which it counts as away; and what it never
            will, because it is too large.
        """
        producer = self._history if history else self._live
        if producer is None or self._partitions is None:
            return mail, {}
        sending = {
            asyncio.create_task(producer.deliver(self._topics[stage], number, lines)): (stage, lines)
            for stage, everything in mail.items()
            for number, lines in self._partitions.sort(everything).items()
        }
        if not sending:
            return {}, {}
        left, refused = await self._outcome(sending)
        if left:
            self._leave()
        now = self._clock()
        for stage, lines in mail.items():
            kept = {id(line) for line in (*left.get(stage, ()), *refused.get(stage, ()))}
            self._metrics.count("andon_records_sent_total", len(lines) - len(kept), stage=stage)
            self.traces.delivered(stage, self._topics[stage], (line for line in lines if id(line) not in kept), now)
        return left, refused

    async def _outcome(self, sending: _Sending) -> tuple[Mail, Mail]:
        left: dict[Stage, list[Line]] = {}
        refused: dict[Stage, list[Line]] = {}
        try:
            done, _ = await asyncio.wait(sending, timeout=self._patience_s)
        finally:
            for task in sending:
                task.cancel()  # of no effect on those that are done
        for task, (stage, lines) in sending.items():
            if task not in done:
                left.setdefault(stage, []).extend(lines)
            elif too_large := task.result():
                refused.setdefault(stage, []).extend(too_large)
        return left, refused

    def _leave(self) -> None:
        if self.here.is_set():
            _log.warning("Kafka is away, frames go to the spool", servers=self._settings.bootstrap_servers)
        self.here.clear()
        self._metrics.set("andon_kafka_away", 1)

    def _producer(self) -> BatchProducer:
        return BatchProducer(
            self._settings, on_retry=lambda: self._metrics.count("andon_delivery_retries_total", stage=Stage.RAW)
        )


async def _stop(producer: BatchProducer) -> None:
    with contextlib.suppress(KafkaError):
        await producer.stop()
