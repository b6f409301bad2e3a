"""Late corrections: the shell that hears of news, reads what has been sent, and sends it again.

What is done is remembered as an offset of the `event` topic, committed like a consumer's. Partition n of it is in the
hands of the worker that owns partition n of the frames; a worker that dies leaves it to the next one.

A correction has two passes. The first is at once. A worker that had not heard of the news by then may have sent frames
behind it, so a second one, after `settle`, looks at what has been sent since. Only then the offset is committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from andon.clock import MILLISECOND, SECOND, Clock, wall_clock
from andon.contracts import DeadLetterReason
from andon.plant import Plant
from andon.production import Change, Fact, fact_of
from andon.production.facts import fault_of
from andon.settings import KafkaSettings
from andon.stream.cancellation import answered
from andon.stream.deadletters import dead_letter, encode_letter
from andon.stream.plant_events import Told
from andon.stream.producer import BatchProducer
from andon.stream.publish import partition_of
from andon.stream.stage import Rejected
from andon.stream.topics import count_partitions, group_name, topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from andon.uns.places import SITE, places_of
from services.context.bookmarks import Bookmarks, bookmarks
from services.context.circumstances import Circumstances
from services.context.correction import Corrections, Span, stretches
from services.context.sent import Sent
from services.context.settings import ContextSettings

_log = get_logger(__name__)
#: News that come together are one pass over the frames.
_GATHER_S = 0.3
#: How often it is looked whether news that this worker does not own are its own now, or are seen to.
_LOOK_S = 0.5
_FORGET_S = 3_600.0
_RETRY_S = 1.0
_POLL_MS = 200


@dataclass(slots=True)
class _News:
    """What one record of the `event` topic changes.

    Attributes:
        told: the record.
        changes: what may have another context now.
        due: when its second pass is due (monotonic seconds); None before the first.
        seen: partition of the frames to the offset up to which (exclusive) they have been looked at.
    """

    told: Told
    changes: Sequence[Change]
    due: float | None = None
    seen: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Means:
    """What corrections are made with; the same until the broker goes away.

    Attributes:
        partitions: of each of the site's topics.
        consumer: reads frames.
        producer: sends them again.
        done: how far news have been seen to.
    """

    partitions: int
    consumer: AIOKafkaConsumer
    producer: BatchProducer
    done: Bookmarks


class Corrector:
    """Sees to late corrections, until cancelled.

    Args:
        plant: the plant model.
        kafka: how to reach Kafka.
        settings: how far back, and how long to wait.
        metrics: where to count.
        sent: says how far in event time frames have been sent.
        owned: gives the partitions that this worker owns.
        clock: microseconds UTC.
    """

    def __init__(
        self,
        plant: Plant,
        kafka: KafkaSettings,
        settings: ContextSettings,
        metrics: Metrics,
        sent: Sent,
        owned: Callable[[], Sequence[int]],
        clock: Clock = wall_clock,
    ) -> None:
        self._plant, self._kafka, self._settings, self._metrics = plant, kafka, settings, metrics
        self._sent, self._owned, self._clock = sent, owned, clock
        self._circumstances = Circumstances(plant)
        self._topic, self._events = topic_name(plant, Stage.CONTEXT), topic_name(plant, Stage.EVENT)
        self._group = group_name(plant, "context-corrections")
        self._news: dict[int, deque[_News]] = {}
        self._heard = asyncio.Event()
        self._forget_due = time.monotonic() + _FORGET_S
        self._places = places_of(plant.assets)

    def take(self, told: Told) -> None:
        """Take a record of the `event` topic, in its partition's order; one that is read again does no harm."""
        changes: Sequence[Change] = ()
        fact = fact_of(told.event, told.at) if told.event else None
        if fact is not None:
            self._circumstances.catch_up()  # what was told before changes nothing that this record does
            self._circumstances.tell(fact)
            changes = self._circumstances.catch_up()
        waiting = self._news.setdefault(told.record.partition, deque())
        if not waiting or waiting[-1].told.record.offset < told.record.offset:
            waiting.append(_News(told, changes))
            self._heard.set()

    def tell(self, fact: Fact) -> None:
        """Take a fact that needs no correction of its own."""
        self._circumstances.tell(fact)

    async def begin(self) -> None:
        """See to it that only what is told from now on is corrected, if nothing was ever corrected at this site.

        To be called when all news there are have been heard, and before the first frame is sent.

        Raises:
            KafkaError: the broker does not answer.
        """
        partitions = (await count_partitions(self._kafka))[self._topic]
        async with bookmarks(self._kafka, self._group, self._events, partitions) as done:
            for number in range(partitions):
                if await done.read(number) is None:
                    await done.set(number, 0)
                    for news in self._news.get(number, ()):
                        news.changes = ()

    async def run(self) -> None:
        """Correct what is to be corrected, for ever."""
        while True:
            try:
                await self._work()
            except KafkaError as error:
                _log.warning("corrections wait for the broker", error=repr(error))
                await asyncio.sleep(_RETRY_S)

    async def _work(self) -> None:
        partitions = (await count_partitions(self._kafka))[self._topic]
        consumer = AIOKafkaConsumer(
            **self._kafka.client_arguments(),
            enable_auto_commit=False,
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=8 * 2**20,
        )
        producer = BatchProducer(
            self._kafka, on_retry=lambda: self._metrics.count("andon_delivery_retries_total", stage=Stage.CONTEXT)
        )
        async with bookmarks(self._kafka, self._group, self._events, partitions) as done:
            await consumer.start()
            try:
                await producer.start()
                await self._see_to_news(_Means(partitions, consumer, producer, done))
            finally:
                await producer.stop()
                await consumer.stop()

    async def _see_to_news(self, means: _Means) -> None:
        while True:
            self._heard.clear()
            await self._drop_done(means.done)
            self._tidy()
            self._metrics.set("andon_context_overlaps", sum(1 for _ in self._circumstances.knowledge.overlapping()))
            for number in self._owned():
                await self._first_pass(number, means)
                await self._second_pass(number, means)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._heard.wait()
            await asyncio.sleep(_GATHER_S)

    def _tidy(self) -> None:
        now = time.monotonic()
        if now >= self._forget_due:
            self._forget_due = now + _FORGET_S
            self._circumstances.forget_before(self._clock() - self._settings.remember)

    def _pause(self) -> float:
        """Return the time until something is due; whoever will own the news that nobody owns yet, is soon known."""
        now = asyncio.get_running_loop().time()
        waiting = [news for waiting in self._news.values() for news in waiting]
        dues = (_LOOK_S if news.due is None else news.due - now for news in waiting)
        return max(_GATHER_S, min(dues, default=_FORGET_S))

    async def _drop_done(self, done: Bookmarks) -> None:
        """Drop what has been seen to, by this worker or another one."""
        for number, waiting in list(self._news.items()):
            if waiting and (number not in self._owned() or waiting[0].due is None):
                reached = await done.read(number) or 0
                while waiting and waiting[0].told.record.offset < reached:
                    waiting.popleft()

    async def _first_pass(self, number: int, means: _Means) -> None:
        fresh = [news for news in self._news.get(number, ()) if news.due is None]
        if not fresh:
            return
        await self._set_aside(number, [news.told for news in fresh], means.producer)
        seen = await self._correct(fresh, means, {})
        due = asyncio.get_running_loop().time() + self._settings.settle / SECOND
        for news in fresh:
            news.due, news.seen = due, seen
            if news.changes:
                self._metrics.observe("andon_correction_seconds", max(0, self._clock() - news.told.at) / SECOND)

    async def _second_pass(self, number: int, means: _Means) -> None:
        waiting = self._news.get(number, deque())
        now = asyncio.get_running_loop().time()
        due = [news for news in waiting if news.due is not None and news.due <= now]
        if not due:
            return
        await self._correct(due, means, due[0].seen)
        done = due[-1].told.record.offset + 1
        await means.done.set(number, done)
        while waiting and waiting[0].told.record.offset < done:
            waiting.popleft()

    async def _correct(self, news: Sequence[_News], means: _Means, seen: dict[int, int]) -> dict[int, int]:
        """Send again what news change among the frames from *seen* on; return up to where they have been seen now."""
        now = self._clock()
        changes = [change for each in news for change in each.changes if self._may_touch(change)]
        until = now + self._settings.future_tolerance
        wanted = stretches(changes, self._circumstances, now - self._settings.horizon, until)
        by_partition: dict[int, dict[str, list[Span]]] = {}
        for asset, spans in wanted.items():
            by_partition.setdefault(partition_of(asset.encode(), means.partitions), {})[asset] = spans
        ends = {}
        for number, stretch in sorted(by_partition.items()):
            corrections = Corrections(self._plant, self._circumstances, stretch)
            first = min(span[0] for spans in stretch.values() for span in spans)
            ends[number] = await self._read(means.consumer, number, first, seen.get(number), corrections)
            lines = await asyncio.to_thread(corrections.lines)
            await means.producer.deliver(self._topic, number, lines)
            self._metrics.count("andon_records_sent_total", len(lines), stage=Stage.CONTEXT)
            self._metrics.count("andon_corrected_frames_total", len(lines))
        return ends

    def _may_touch(self, change: Change) -> bool:
        """Return whether frames may have been sent that a change touches; of news in time none have."""
        return any(self._sent.until(asset) >= change.start for asset in self._circumstances.affected(change.place))

    async def _read(
        self, consumer: AIOKafkaConsumer, number: int, first: int, seen: int | None, corrections: Corrections
    ) -> int:
        """Let *corrections* take the frames of a partition that may be of event time *first* or later."""
        where = TopicPartition(self._topic, number)
        consumer.assign([where])
        start = seen if seen is not None else await self._offset_at(consumer, where, first)
        consumer.seek(where, start)
        while True:
            polled = (await answered(consumer.getmany(where, timeout_ms=_POLL_MS))).get(where, ())
            await asyncio.to_thread(corrections.take, polled)
            position = int(await consumer.position(where))
            highwater = consumer.highwater(where)
            if highwater is not None and position >= highwater:
                return position

    async def _offset_at(self, consumer: AIOKafkaConsumer, where: TopicPartition, time: int) -> int:
        """Return an offset before which no frame of an event time can be: it cannot have been sent before it was so."""
        sent = max(0, time - self._settings.future_tolerance) // MILLISECOND
        oldest = int((await answered(consumer.beginning_offsets([where])))[where])
        found = (await answered(consumer.offsets_for_times({where: sent}))).get(where)
        return max(oldest, int(found.offset)) if found else int((await answered(consumer.end_offsets([where])))[where])

    async def _set_aside(self, number: int, told: Sequence[Told], producer: BatchProducer) -> None:
        """Send what cannot be used to the dead letters."""
        rejected = [(each, fault) for each in told if (fault := self._fault(each))]
        letters = [
            encode_letter(
                dead_letter(
                    Rejected(each.record.offset, *fault),
                    each.record,
                    service="context",
                    topic=self._events,
                    partition=number,
                    now=self._clock(),
                )
            )
            for each, fault in rejected
        ]
        await producer.deliver(topic_name(self._plant, Stage.DEADLETTER), number, letters)
        for each, (reason, detail) in rejected:
            self._metrics.count("andon_deadletters_total", stage=Stage.EVENT, reason=reason)
            _log.warning("plant event set aside", reason=reason, detail=detail, offset=each.record.offset)

    def _fault(self, told: Told) -> tuple[DeadLetterReason, str] | None:
        if told.event is None:
            return DeadLetterReason.SCHEMA, told.fault
        if (told.event.asset or SITE) not in self._places:
            return DeadLetterReason.UNKNOWN_ASSET, f"{told.event.asset!r} is no asset of the plant model, nor above one"
        fault = fault_of(told.event)
        return (DeadLetterReason.SCHEMA, fault) if fault else None
