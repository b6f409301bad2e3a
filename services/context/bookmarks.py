"""How far news have been seen to: offsets of the `event` topic, committed like a consumer group's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.settings import KafkaSettings
from andon.stream.cancellation import answered


class Bookmarks:
    """Offsets before which all is done, by partition; they survive whoever has set them."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str) -> None:
        self._consumer, self._topic = consumer, topic

    async def read(self, number: int) -> int | None:
        """Return the offset of a partition; None when none was ever set.

        Raises:
            KafkaError: the broker does not answer.
        """
        offset: int | None = await answered(self._consumer.committed(TopicPartition(self._topic, number)))
        return offset

    async def set(self, number: int, offset: int) -> None:
        """Set the offset of a partition.

        Raises:
            KafkaError: the broker does not answer.
        """
        await answered(self._consumer.commit({TopicPartition(self._topic, number): offset}))


@contextlib.asynccontextmanager
async def bookmarks(kafka: KafkaSettings, group: str, topic: str, partitions: int) -> AsyncIterator[Bookmarks]:
    """Give the bookmarks of a topic for the length of an `async with` block.

    They are a consumer group without members: nobody reads by it, so nothing is ever assigned by the broker.
    """
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        # Commits are only for what is assigned; it is not read, so it is paused.
        everything = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(everything)
        consumer.pause(*everything)
        yield Bookmarks(consumer, topic)
    finally:
        await consumer.stop()
