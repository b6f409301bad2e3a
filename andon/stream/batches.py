"""Faust, taught to hand over one event per partition per poll.

Three of Faust's extension points: the `ConsumerScheduler` setting (a poll's records become one
pseudo-record), a `Schema` (passed on undecoded) and the transport's `Consumer` (commits exactly what
the runtime says, and reads no further while too much is unfinished).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiokafka
import faust
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP

from andon.stream.answers import keep_as_parsed


class PollBatch:
    """All records of one partition's poll, in the shape of a single Kafka record."""

    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None
    checksum: int | None = None
    serialized_key_size = serialized_value_size = 0

    def __init__(self, tp: TP, records: Sequence[Any]) -> None:
        last = records[-1]
        self.topic, self.partition, self.offset = tp.topic, tp.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, last.timestamp_type
        self.value = records


class BatchScheduler(DefaultSchedulingStrategy):  # type: ignore[misc]  # Faust ships no types that mypy can use
    """Yields each partition's poll as one `PollBatch`; control topics stay event at a time."""

    #: Topics that are handed over in batches.
    batch_topics: frozenset[str] = frozenset()

    def iterate(self, records: Mapping[TP, Sequence[Any]]) -> Iterator[tuple[TP, Any]]:
        """Yield pseudo-records of batch topics first, then the rest as Faust would."""
        single = {}
        for tp, polled in records.items():
            if tp.topic not in self.batch_topics:
                single[tp] = polled
            elif polled:
                yield tp, PollBatch(tp, polled)
        if single:
            yield from super().iterate(single)


class Undecoded(Schema):  # type: ignore[misc]
    """Passes a batch on as it is; the stage's decoder reads it at once."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> None:
        """Return no key: a batch has many."""

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the batch's records."""
        return message.value


class Gate:
    """Closed while batches of the last poll wait to be processed, or too many are not yet delivered.

    To read on while batches wait would only make the next ones smaller, and a batch costs as much as a few hundred
    records. Faust's own bound suspends a partition and may then sleep for a whole second; this one wakes at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._open = asyncio.Event()
        self.waiting: Callable[[], int] = int
        """How many batches wait to be processed."""
        self.look()

    def take(self) -> None:
        """Count one more undelivered batch."""
        self._taken += 1
        self.look()

    def give_back(self) -> None:
        """Count one less."""
        self._taken -= 1
        self.look()

    def reset(self) -> None:
        """Forget all undelivered batches: a new assignment starts from what was committed."""
        self._taken = 0
        self.look()

    def look(self) -> None:
        """Open or close, as things are now."""
        if self.is_open:
            self._open.set()
        else:
            self._open.clear()

    @property
    def is_open(self) -> bool:
        """Whether another batch may be read."""
        return self._taken < self._limit and not self.waiting()

    async def wait(self) -> None:
        """Return when another batch may be read."""
        await self._open.wait()


@dataclass(frozen=True, slots=True)
class Feed:
    """What is read in batches, and how.

    Attributes:
        topic: the topic.
        gate: closed while too many batches are unfinished.
        committable: the offset that may be committed for a partition, if any.
        fetch_max_wait_ms: how long the broker may hold a fetch while there is nothing new.
        linger: seconds between two polls, at least, while polls bring little.
        plenty: records in a poll from which on the next follows at once.
    """

    topic: str
    gate: Gate
    committable: Callable[[TP], int | None]
    fetch_max_wait_ms: int
    linger: float
    plenty: int


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    logger = driver.logger

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the committed offsets, and to the beginning where none is: aiokafka leaves those where they are.

        Faust calls this after it has thrown away what it had polled, so staying would lose these records.
        """
        consumer = self._ensure_consumer()
        committed: Mapping[TP, int] = await super().seek_to_committed()
        without = [tp for tp, offset in committed.items() if not offset and tp in consumer.assignment()]
        if without:
            await self.call_thread(consumer.seek_to_beginning, *without)
        return committed

    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *arguments: Any, **keywords: Any) -> Any:
        keep_as_parsed(consumer, self.consumer.transport.feed.topic)
        return await super()._fetch_records(consumer, *arguments, **keywords)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust asks the broker to hold a fetch for 1.5 s and has no setting for it.
        consumer._fetch_max_wait_ms = transport.feed.fetch_max_wait_ms
        return consumer


class BatchConsumer(driver.Consumer):  # type: ignore[misc]
    """Faust's consumer, with the runtime's own commits and backpressure for the topic read in batches."""

    logger = driver.logger
    _polled_at = _pause = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: The newest answer to a fetch as its clock has it, and when we first saw that by one that never steps.
        self._answered: dict[TP, tuple[int, float]] = {}

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def committed(self, tp: TP) -> int:
        """Return the offset that is committed for a partition; 0 when none is."""
        return self._committed_offset.get(tp) or 0

    def seconds_since_fetch(self, tp: TP) -> float | None:
        """Return the age of the newest answer to a fetch; None before the first, or when given away.

        It counts from the call that first saw the answer: its own time is by a clock that may be set.
        """
        consumer = self._thread._consumer
        if consumer is None or tp not in consumer.assignment():
            return None
        answered, now = consumer.last_poll_timestamp(tp), time.monotonic()
        if answered is None:
            return None
        if answered != self._answered.get(tp, (None, now))[0]:
            self._answered[tp] = answered, now
        return now - self._answered[tp][1]

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        feed = self.transport.feed
        await asyncio.sleep(self._polled_at + self._pause - time.monotonic())
        feed.gate.look()
        await self.wait_first(feed.gate.wait(), self.suspend_flow.wait(), timeout=timeout)
        if not feed.gate.is_open:
            return {}
        polled = await super()._getmany(active_partitions, timeout)
        # As batches cost what they do, a slow stream is read in fewer, larger polls.
        records = sum(map(len, polled.values())) if polled else 0
        self._polled_at, self._pause = time.monotonic(), 0.0 if records >= feed.plenty else feed.linger
        return polled

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        yield from (tp for tp in self.assignment() if tp.topic == self.transport.feed.topic)

    def _new_offset(self, tp: TP) -> int | None:
        # Exactly what is delivered and no longer needed; Faust's own count of gaps is for single events.
        feed = self.transport.feed
        chosen: int | None = feed.committable(tp) if tp.topic == feed.topic else super()._new_offset(tp)
        return chosen


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's Kafka transport with a `BatchConsumer` for one feed."""

    Consumer = BatchConsumer

    def __init__(self, app: faust.App, feed: Feed) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.feed = feed
