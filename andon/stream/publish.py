"""Putting new events on the bus: for sources, which have no input topic."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import polars as pl
from aiokafka.partitioner import DefaultPartitioner

from andon.contracts.headers import THIS_CONTRACT, TRACEPARENT_HEADER
from andon.stream.codec import Line, encode_values
from andon.stream.producer import BatchProducer


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Kafka's own clients choose for *key* (murmur2)."""
    everything = list(range(partitions))
    chosen: int = DefaultPartitioner()(key, everything, everything)
    return chosen


class Publisher:
    """Publishes rows of one contract to one topic, each asset always to its own partition.

    Args:
        producer: a started producer.
        topic: where to.
        partitions: how many partitions the topic has.
    """

    def __init__(self, producer: BatchProducer, topic: str, partitions: int) -> None:
        self._producer, self._topic, self._partitions = producer, topic, partitions
        self._partition_of: dict[str, int] = {}

    async def publish(self, rows: pl.DataFrame) -> list[Line]:
        """Send *rows* (contract columns) and return when the broker has them all.

        Returns:
            Lines that are larger than the broker takes; all others are delivered.
        """
        by_partition: dict[int, list[Line]] = {}
        for number, line in zip(self._numbers(rows["asset"]), new_lines(keyed_values(rows)), strict=True):
            by_partition.setdefault(number, []).append(line)
        refused = await asyncio.gather(
            *(self._producer.deliver(self._topic, number, lines) for number, lines in by_partition.items())
        )
        return [line for lines in refused for line in lines]

    def _numbers(self, assets: pl.Series) -> list[int]:
        known = self._partition_of
        for asset in assets.unique():
            if asset not in known:
                known[asset] = partition_of(asset.encode(), self._partitions)
        return [known[asset] for asset in assets]


def keyed_values(rows: pl.DataFrame) -> list[tuple[bytes, bytes]]:
    """Return the keys (their assets) and the JSON values of rows."""
    return list(zip(rows["asset"].cast(pl.Binary), encode_values(rows), strict=True))


def new_lines(pairs: Sequence[tuple[bytes, bytes]]) -> list[Line]:
    """Return lines of keys and values; each starts a trace of its own (W3C Trace Context, sampled)."""
    random = os.urandom(24 * len(pairs)).hex()
    lines = []
    # per-event Python: aiokafka appends record by record, so each needs its own key and headers object
    for index, (key, value) in enumerate(pairs):
        trace, span = random[48 * index : 48 * index + 32], random[48 * index + 32 : 48 * index + 48]
        lines.append(Line(key, value, [THIS_CONTRACT, (TRACEPARENT_HEADER, f"00-{trace}-{span}-01".encode())]))
    return lines
