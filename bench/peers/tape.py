"""An input topic that grows from peer to peer, and the clock of what is published live."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from confluent_kafka import Producer
from numpy.typing import NDArray

from andon.clock import MILLISECOND, SECOND, wall_clock
from andon.stream.publish import keyed_values
from andon.stream.topics import topic_name
from bench.common import Bus, fill
from bench.frames import MACHINES, RATE_HZ, T0, context_frames, frames
from bench.subjects.job import Job

TICK_MS = 10
_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Live:
    """Frames that were published live, every tick the same number of them.

    Attributes:
        first: number of the first.
        count: how many.
        per_tick: how many in each tick.
        start_ms: when the first tick was due, milliseconds UTC.
    """

    first: int
    count: int
    per_tick: int
    start_ms: int

    def due_ms(self, numbers: _Ints) -> _Ints:
        """Return when frames were due, milliseconds UTC: their records' timestamps, whenever they were really sent."""
        return self.start_ms + (numbers - self.first) // self.per_tick * TICK_MS

    def triggers(self, job: Job, *, skip_s: float = 0) -> _Ints:
        """Return the numbers of the frames that each bring a result, without those of the first *skip_s* seconds.

        Of `Job.PASS` all do; of the others the first frame of each machine in a second of event time, which closes
        the window before it.
        """
        skipped = int(skip_s * 1_000 / TICK_MS) * self.per_tick
        numbers = np.arange(self.first + skipped, self.first + self.count)
        if job is Job.PASS:
            return numbers
        closing: _Ints = numbers[(numbers // MACHINES % RATE_HZ == 0) & (numbers >= MACHINES * RATE_HZ)]
        return closing


def number_of(asset: bytes, time_us: int) -> int:
    """Return the number of the frame of a machine at an event time; see `bench.frames.frames`."""
    return (time_us - T0) * RATE_HZ // SECOND * MACHINES + int(asset.rpartition(b"-")[2])


class Tape:
    """The input topic of a job, with its first `count` frames."""

    def __init__(self, on: Bus, job: Job) -> None:
        self._on, self._job = on, job
        self.topic = topic_name(on.plant, job.input)
        self.count = 0

    async def extend(self, until: int) -> None:
        """Publish as many frames as are missing until there are *until* of them."""
        done = self.count
        if until > done:
            await fill(self._on.kafka, self.topic, lambda first, n: self._rows(done + first, n), until - done)
            self.count = until

    async def play(self, frames_per_s: float, seconds: float) -> Live:
        """Publish live at a rate, and return when all is sent."""
        per_tick = max(1, round(frames_per_s * TICK_MS / 1_000))
        count = per_tick * int(seconds * 1_000 / TICK_MS)
        pairs = keyed_values(self._rows(self.count, count))
        live = Live(self.count, count, per_tick, wall_clock() // MILLISECOND + 100)
        self.count += count
        await asyncio.to_thread(self._publish, live, pairs)
        return live

    def _rows(self, first: int, count: int) -> pl.DataFrame:
        made = frames if self._job is Job.PASS else context_frames
        return made(self._on.plant, first, count)

    def _publish(self, live: Live, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self._on.kafka.bootstrap_servers,
                "partitioner": "murmur2",
                "linger.ms": 1,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        for tick in range(live.count // live.per_tick):
            due_ms = live.start_ms + tick * TICK_MS
            time.sleep(max(0.0, due_ms / 1_000 - time.time()))
            for key, value in pairs[tick * live.per_tick : (tick + 1) * live.per_tick]:
                producer.produce(self.topic, value, key, timestamp=due_ms)
            producer.poll(0)
        producer.flush()
