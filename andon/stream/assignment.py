"""The partitions that a worker owns between two rebalances.

A rebalance takes every partition away; the next assignment is a new object, and each of its partitions starts again
from what is committed, which re-reads at most one window span and re-creates the same ids. So nothing that belongs
to a former assignment can reach a later one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from andon.clock import Clock
from andon.stream.batches import Gate
from andon.stream.codec import Record
from andon.stream.instruments import Instruments
from andon.stream.lane import Lane
from andon.stream.partition import Partition, Prepared

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Opened:
    """A partition at work; `turn` keeps its batches and ticks in one order from processing to delivery."""

    partition: Partition
    lane: Lane
    turn: asyncio.Lock


@dataclass(frozen=True, slots=True)
class Means:
    """What an assignment works with; the same for all of a worker's.

    Attributes:
        open: makes a partition's logic, with the state that a former worker kept.
        lane: makes its delivery; called with the number and what to tell of delivered and of recorded batches.
        executor: one thread, in which the logic runs.
        gate: bounds the batches that are unfinished.
        clock: microseconds UTC.
        instruments: what is counted.
        fail: told of what must end the worker.
    """

    open: Callable[[int], Awaitable[Partition]]
    lane: Callable[[int, Callable[[Prepared], None], Callable[[Prepared], None]], Lane]
    executor: Executor
    gate: Gate
    clock: Clock
    instruments: Instruments
    fail: Callable[[BaseException | None], None]


class Assignment:
    """The partitions of one generation of the consumer group.

    Attributes:
        generation: of the consumer group.
        numbers: the partitions, in order.
        committable: partition to the offset that may be committed.
        delivered: partition to the offset up to which (exclusive) all results are delivered.
    """

    def __init__(self, generation: int, numbers: Sequence[int], means: Means) -> None:
        self.generation, self.numbers, self._means = generation, tuple(numbers), means
        self.committable: dict[int, int] = {}
        self.delivered: dict[int, int] = {}
        self._opened: dict[int, _Opened] = {}
        self._closed = False
        means.gate.reset()

    async def take(self, records: Sequence[Record], number: int) -> None:
        """Process one poll of one partition and queue its results; waits while too many are unfinished."""
        self._means.gate.take()
        opened = self._opened.get(number) or await self._open(number)
        async with opened.turn:
            prepared = await self._in_thread(opened.partition.prepare, records, self._means.clock())
            if self._closed:
                return
            if prepared is None:
                self._means.gate.give_back()
                return
            before = time.monotonic()
            await opened.lane.put(prepared)
            self._means.instruments.waited(time.monotonic() - before)

    async def tick(self, now: int, caught_up: Callable[[Partition], bool]) -> None:
        """Tell every open partition the time, or that it is behind, in which case silence means nothing."""
        for opened in list(self._opened.values()):
            if caught_up(opened.partition):
                await self._tick(opened, now)
            else:
                opened.partition.behind()
            await opened.lane.record()

    async def drain(self) -> None:
        """Return when all that is queued is delivered and recorded."""
        await asyncio.gather(*(opened.lane.drain() for opened in self._opened.values()))

    def close(self) -> None:
        """Give everything up: whoever owns the partitions next re-reads it."""
        self._closed = True
        for opened in self._opened.values():
            opened.lane.give_up()

    async def _open(self, number: int) -> _Opened:
        partition = await self._means.open(number)

        def on_delivered(prepared: Prepared) -> None:
            if prepared.records:
                self._means.gate.give_back()
            self.delivered[number] = prepared.delivered
            self._means.instruments.delivered(number, prepared)

        def on_recorded(prepared: Prepared) -> None:
            self.committable[number] = prepared.needed_from
            self._means.instruments.recorded(number, prepared)

        lane = self._means.lane(number, on_delivered, on_recorded)
        lane.on_failure(self._means.fail)
        self._opened[number] = _Opened(partition, lane, asyncio.Lock())
        if self._closed:
            lane.give_up()
        return self._opened[number]

    async def _tick(self, opened: _Opened, now: int) -> None:
        async with opened.turn:
            prepared = await self._in_thread(opened.partition.tick, now)
            if not self._closed and not prepared.idle:
                await opened.lane.put(prepared)

    async def _in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        before = time.perf_counter()
        result = await asyncio.get_running_loop().run_in_executor(self._means.executor, function, *arguments)
        self._means.instruments.worked(time.perf_counter() - before)
        return result
