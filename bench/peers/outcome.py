"""What a peer made of its input, read off its output topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from confluent_kafka import Consumer, KafkaException, TopicPartition
from numpy.typing import NDArray

from andon.clock import SECOND
from andon.settings import KafkaSettings
from bench.common import BenchError
from bench.peers.reference import Expected
from bench.peers.tape import Live, number_of
from bench.subjects.job import Job

_PATIENCE_S = 20.0
#: Latencies of the first moments are left out.
_RAMP_S = 0.3
#: A result as it is published: its key, its timestamp (milliseconds UTC) and its event.
_Result = tuple[bytes, int, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of one job in a topic.

    Attributes:
        kafka: how to reach the broker.
        topic: where the results are.
        job: what they are results of.
    """

    kafka: KafkaSettings
    topic: str
    job: Job

    def offsets(self) -> list[TopicPartition]:
        """Return where the topic ends now, or a batch before that (`bench.growth.watch_growth` says why)."""
        consumer = self._consumer()
        found = [TopicPartition(self.topic, number) for number in range(self.kafka.partitions)]
        for where in found:
            where.offset = consumer.get_watermark_offsets(where, 10)[1]
        consumer.close()
        return found

    def check(self, expected: Expected) -> None:
        """Raise if what is expected is not there, or is something else.

        Raises:
            BenchError: says what differs.
        """
        start = [TopicPartition(self.topic, number, 0) for number in range(self.kafka.partitions)]
        missing = set(expected)
        for key, _, event in self._results(start, lambda: bool(missing)):
            place = key, int(event["time" if self.job is Job.PASS else "start"])
            if place in expected:
                expected.compare(place, event)
                missing.discard(place)
        if missing:
            raise BenchError(f"{self.topic} lacks {len(missing)} of {len(expected)} results: {sorted(missing)[:3]}")

    def latencies_ms(self, live: Live, start: list[TopicPartition]) -> NDArray[np.int64]:
        """Return how long each result took from when the frame that brought it was due, without the first moments.

        Args:
            live: what was published.
            start: where the topic ended before that.

        Raises:
            BenchError: results are missing.
        """
        sent: dict[int, int] = {}
        wanted = set(live.triggers(self.job, skip_s=_RAMP_S).tolist())
        for key, timestamp, event in self._results(start, lambda: len(sent) < len(wanted)):
            number = self._trigger(key, event)
            if number in wanted:
                sent.setdefault(number, timestamp)
        if len(sent) < len(wanted):
            raise BenchError(f"{self.topic} lacks {len(wanted) - len(sent)} of {len(wanted)} results of live frames")
        numbers = np.array(list(sent))
        return np.array(list(sent.values())) - live.due_ms(numbers)

    def _trigger(self, key: bytes, event: Mapping[str, Any]) -> int:
        """Return the number of the frame that brought a result."""
        return number_of(key, event["time"] if self.job is Job.PASS else event["start"] + SECOND)

    def _results(self, start: list[TopicPartition], more: Callable[[], bool]) -> Iterator[_Result]:
        """Yield results from *start* on while *more* are wanted, but not for ever."""
        consumer, deadline = self._consumer(), time.monotonic() + _PATIENCE_S
        consumer.assign(start)
        try:
            while more() and time.monotonic() < deadline:
                for message in consumer.consume(5_000, 0.1):
                    if message.error():
                        raise KafkaException(message.error())
                    yield message.key(), message.timestamp()[1], orjson.loads(message.value())
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.kafka.bootstrap_servers,
                "group.id": "bench-outcome",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
