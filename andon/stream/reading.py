"""Reading a topic without a consumer group: from its beginning to its present end, or on from there."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from andon.clock import MILLISECOND
from andon.settings import KafkaSettings

_POLL_MS = 500


@contextlib.asynccontextmanager
async def reader(
    settings: KafkaSettings, topic: str, partitions: Iterable[int], *, max_wait: int = 50 * MILLISECOND
) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer that stands at the beginning of *partitions*.

    Args:
        settings: how to reach the broker.
        topic: the topic.
        partitions: their numbers.
        max_wait: how long the broker may hold a fetch while there is nothing new, microseconds; who reads on for ever
            keeps the broker and itself busy with a short one.

    Raises:
        KafkaError: the broker does not answer.
    """
    consumer = AIOKafkaConsumer(
        **settings.client_arguments(), enable_auto_commit=False, fetch_max_wait_ms=max_wait // MILLISECOND
    )
    try:
        await consumer.start()
        where = [TopicPartition(topic, number) for number in partitions]
        consumer.assign(where)
        await consumer.seek_to_beginning(*where)
        yield consumer
    finally:
        await consumer.stop()


async def read_to_end(
    settings: KafkaSettings, topic: str, partitions: Iterable[int], *, since: int = 0
) -> AsyncIterator[ConsumerRecord]:
    """Yield the records that *partitions* hold now, each partition's in order.

    Args:
        settings: how to reach the broker.
        topic: the topic.
        partitions: their numbers.
        since: only records whose timestamp is not before, microseconds UTC.

    Raises:
        KafkaError: the broker does not answer.
    """
    async with reader(settings, topic, partitions) as consumer:
        open_ends = {where: end for where, end in (await consumer.end_offsets(consumer.assignment())).items() if end}
        oldest = since // MILLISECOND
        if since:
            open_ends = await _seek(consumer, open_ends, oldest)
        while open_ends:
            for polled in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for record in polled:
                    if record.timestamp >= oldest:
                        yield record
            # A compacted or aborted tail holds no record to see, so positions tell, not offsets seen.
            open_ends = {where: end for where, end in open_ends.items() if await consumer.position(where) < end}


async def _seek(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], oldest: int
) -> dict[TopicPartition, int]:
    """Go to the first records that are not older (milliseconds UTC); return the ends of partitions that have some."""
    found = await consumer.offsets_for_times(dict.fromkeys(consumer.assignment(), oldest))
    # The embedded broker says "none" by a timestamp of -1.
    starts = {where: start.offset for where, start in found.items() if start is not None and start.timestamp >= 0}
    consumer.pause(*(consumer.assignment() - starts.keys()))
    for where, offset in starts.items():
        consumer.seek(where, offset)
    return {where: end for where, end in ends.items() if where in starts}


async def read_one(settings: KafkaSettings, topic: str, partition: int, offset: int) -> ConsumerRecord | None:
    """Return the record at *offset*; None when retention or compaction has removed it, or it was never written.

    Raises:
        KafkaError: the broker does not answer.
    """
    where = TopicPartition(topic, partition)
    async with reader(settings, topic, (partition,)) as consumer:
        consumer.seek(where, offset)
        # The position moves when the offset is out of range. Not `end_offsets`: the embedded broker's answer to it
        # names the first record of the last batch, the high watermark of a fetch is right.
        while await consumer.position(where) == offset:
            polled = await consumer.getmany(where, timeout_ms=_POLL_MS, max_records=1)
            for record in polled.get(where, ()):
                return record if record.offset == offset else None
            highwater = consumer.highwater(where)
            if highwater is not None and highwater <= offset:
                return None
    return None


async def read_range(
    settings: KafkaSettings, topic: str, partition: int, first: int, last: int
) -> AsyncIterator[ConsumerRecord]:
    """Yield the records of a partition from offset *first* to *last* that are still there, in order.

    Raises:
        KafkaError: the broker does not answer.
    """
    where = TopicPartition(topic, partition)
    async with reader(settings, topic, (partition,)) as consumer:
        oldest = (await consumer.beginning_offsets([where]))[where]
        consumer.seek(where, max(first, oldest))
        while (position := await consumer.position(where)) <= last:
            polled = (await consumer.getmany(where, timeout_ms=_POLL_MS)).get(where, ())
            for record in polled:
                if record.offset <= last:
                    yield record
            highwater = consumer.highwater(where)
            if not polled and highwater is not None and highwater <= position:
                return
