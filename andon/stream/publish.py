"""Putting new events on the bus: for sources, which have no input topic."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence

import polars as pl
from aiokafka.partitioner import DefaultPartitioner

from andon.contracts.headers import THIS_CONTRACT, TRACEPARENT_HEADER
from andon.settings import KafkaSettings
from andon.stream.codec import Line, encode_values
from andon.stream.producer import BatchProducer
from andon.stream.topics import count_partitions

#: Hexadecimal digits at the end of a trace's id by which chance decides, as OpenTelemetry's samplers do.
_CHANCE = 14
_TRACES = 16**_CHANCE


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Kafka's own clients choose for *key* (murmur2)."""
    everything = list(range(partitions))
    chosen: int = DefaultPartitioner()(key, everything, everything)
    return chosen


class Partitions:
    """Sorts lines by the partition of their key, and remembers which that is.

    Args:
        count: how many partitions there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._numbers: dict[bytes, int] = {}

    def sort(self, lines: Iterable[Line]) -> dict[int, list[Line]]:
        """Return the lines of each partition, in order."""
        groups: dict[int, list[Line]] = {}
        for line in lines:  # per-event Python: a dictionary look-up
            number = self._numbers.get(line.key)
            if number is None:
                number = self._numbers[line.key] = partition_of(line.key, self._count)
            groups.setdefault(number, []).append(line)
        return groups


class Publisher:
    """Publishes to one topic, each key always to its own partition.

    Args:
        producer: a started producer.
        topic: where to.
        partitions: how many partitions the topic has.
    """

    def __init__(self, producer: BatchProducer, topic: str, partitions: int) -> None:
        self._producer, self._topic, self._partitions = producer, topic, Partitions(partitions)

    async def publish(self, rows: pl.DataFrame) -> list[Line]:
        """Send *rows* (contract columns) under their assets and return when the broker has them all.

        Returns:
            Lines that are larger than the broker takes; all others are delivered.
        """
        return await self.deliver(new_lines(keyed_values(rows)))

    async def deliver(self, lines: Iterable[Line]) -> list[Line]:
        """Send *lines* and return when the broker has them all.

        Returns:
            Lines that are larger than the broker takes; all others are delivered.
        """
        groups = self._partitions.sort(lines).items()
        refused = await asyncio.gather(*(self._producer.deliver(self._topic, *group) for group in groups))
        return [line for group in refused for line in group]


@contextlib.asynccontextmanager
async def publishing(kafka: KafkaSettings, topic: str) -> AsyncIterator[Publisher]:
    """Give a publisher to *topic*, which must exist, for the length of an `async with` block.

    Raises:
        KafkaError: the broker does not answer.
    """
    producer = BatchProducer(kafka)
    await producer.start()
    try:
        yield Publisher(producer, topic, (await count_partitions(kafka))[topic])
    finally:
        await producer.stop()


def keyed_values(rows: pl.DataFrame) -> list[tuple[bytes, bytes]]:
    """Return the keys (their assets) and the JSON values of rows."""
    return list(zip(rows["asset"].cast(pl.Binary), encode_values(rows), strict=True))


def new_lines(pairs: Sequence[tuple[bytes, bytes]], *, traced: float = 0.0) -> list[Line]:
    """Return lines of keys and values; each starts a trace of its own (W3C Trace Context).

    Args:
        pairs: keys and values.
        traced: share of them whose traces are to be recorded, chosen by chance.
    """
    random = os.urandom(24 * len(pairs)).hex()
    bound = round(traced * _TRACES)
    lines = []
    # per-event Python: aiokafka appends record by record, so each needs its own key and headers object
    for index, (key, value) in enumerate(pairs):
        trace, span = random[48 * index : 48 * index + 32], random[48 * index + 32 : 48 * index + 48]
        flags = "01" if bound and int(trace[-_CHANCE:], 16) < bound else "00"
        lines.append(Line(key, value, [THIS_CONTRACT, (TRACEPARENT_HEADER, f"00-{trace}-{span}-{flags}".encode())]))
    return lines
