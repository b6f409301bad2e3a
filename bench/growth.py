"""Rates, measured from outside: the broker is asked, ten times a second, how far an output topic has grown.

All systems of a comparison are measured in this same way, and none of them has to do anything for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.settings import KafkaSettings
from bench.child import Child
from bench.common import BenchError

#: The share of a large topic that `watch_growth` can be sure to see.
VISIBLE = 0.95
_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Growth:
    """How a topic grew, sampled from its first record to its last.

    Attributes:
        seconds: when each sample was taken.
        records: how many records the topic held then.
        cpu_seconds: processor time that the measured processes had used by then.
    """

    seconds: list[float]
    records: list[int]
    cpu_seconds: list[float]

    def rate(self) -> float:
        """Return records per second, ramp excluded.

        Raises:
            BenchError: they came too fast for the samples.
        """
        start = self._steady
        taken = self.seconds[-1] - self.seconds[start]
        if taken < 10 * _SAMPLE_S:
            raise BenchError(f"{self.records[-1]} records came within {taken:.1f} s; more are needed for a rate")
        return (self.records[-1] - self.records[start]) / taken

    def cpu_us(self) -> float:
        """Return processor time per record in microseconds, ramp excluded."""
        start = self._steady
        used = self.cpu_seconds[-1] - self.cpu_seconds[start]
        return used / (self.records[-1] - self.records[start]) * 1e6

    @property
    def _steady(self) -> int:
        """Index of the first sample that counts: a tenth of the records is there."""
        return next(index for index, count in enumerate(self.records) if count >= 0.1 * self.records[-1])

    @property
    def window_s(self) -> float:
        """Seconds from the first record to the last."""
        return self.seconds[-1] - self.seconds[0]


async def watch_growth(
    kafka: KafkaSettings,
    topic: str,
    until: int,
    children: Sequence[Child],
    *,
    timeout_s: float = 120,
    sample_s: float = _SAMPLE_S,
) -> Growth:
    """Sample the size of *topic* until it holds *until* records.

    The embedded broker says where the newest batch begins, not where it ends, so sizes lag by up to a batch in each
    partition: the same for every sample, which leaves rates right, but the last records are never seen.

    Raises:
        BenchError: a child ended, or the records did not come in time.
    """
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), enable_auto_commit=False)
    await consumer.start()
    where = [TopicPartition(topic, number) for number in range(kafka.partitions)]
    grown = Growth([], [], [])
    size = 0
    begun = time.monotonic()
    try:
        while size < until:
            await asyncio.sleep(sample_s)
            for each in children:
                each.check()
            size = sum((await consumer.end_offsets(where)).values())
            if size:
                grown.seconds.append(time.monotonic())
                grown.records.append(size)
                grown.cpu_seconds.append(sum(each.cpu_seconds for each in children))
            if time.monotonic() - begun > timeout_s:
                raise BenchError(f"{topic} holds {size} of {until} records after {timeout_s:.0f} s")
    finally:
        await consumer.stop()
    return grown
