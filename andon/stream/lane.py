"""Delivery of one partition's results, in order, with a bounded number of batches waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from andon.clock import SECOND, Clock
from andon.stream.codec import Line
from andon.stream.deadletters import encode_letter, too_large
from andon.stream.partition import Prepared
from andon.stream.producer import BatchProducer
from andon.stream.state import position_line, state_lines
from andon.uns import Stage

#: How often the changelog is told the position; between two of these, a crash repeats identical events.
_POSITION_INTERVAL = SECOND


@dataclass(frozen=True, slots=True)
class Route:
    """Where the results of a service go.

    Attributes:
        service: the service's name.
        input_topic: where its records come from.
        topics: topic of each stage that it writes.
        changelog: topic of its state, or None for a stateless stage.
    """

    service: str
    input_topic: str
    topics: dict[Stage, str]
    changelog: str | None


class Lane:
    """Delivers prepared batches of one partition, one after the other.

    A batch is delivered when the broker has acknowledged, in this order: its events and dead letters,
    then the state that makes a restart skip them. Only then `on_delivered` is told, which allows the commit.

    Args:
        partition: number of the partition.
        route: where results go.
        producer: sends them.
        clock: microseconds UTC.
        on_delivered: called after each batch, with the number of lines per stage.
        depth: batches that may wait; `put` blocks beyond.
    """

    def __init__(
        self,
        partition: int,
        route: Route,
        producer: BatchProducer,
        clock: Clock,
        on_delivered: Callable[[Prepared], None],
        depth: int,
    ) -> None:
        self._partition, self._route, self._producer, self._clock = partition, route, producer, clock
        self._on_delivered = on_delivered
        self._queue: asyncio.Queue[Prepared] = asyncio.Queue(depth)
        self._position_due = 0
        self.task = asyncio.create_task(self._run(), name=f"lane-{partition}")

    async def put(self, prepared: Prepared) -> None:
        """Queue a batch; waits while too many wait."""
        await self._queue.put(prepared)

    async def drain(self) -> None:
        """Return when everything queued is delivered, or when delivery has failed for good."""
        joined = asyncio.create_task(self._queue.join())
        await asyncio.wait((joined, self.task), return_when=asyncio.FIRST_COMPLETED)
        joined.cancel()

    def cancel(self) -> None:
        """Give up what waits: another worker re-reads it."""
        self.task.cancel()

    async def _run(self) -> None:
        while True:
            prepared = await self._queue.get()
            await self._deliver(prepared)
            self._on_delivered(prepared)
            self._queue.task_done()

    async def _deliver(self, prepared: Prepared) -> None:
        for stage, lines in prepared.lines.items():
            refused = await self._producer.deliver(self._route.topics[stage], self._partition, lines)
            if refused:
                await self._set_aside(refused, prepared)
        if self._route.changelog:
            await self._producer.deliver(self._route.changelog, self._partition, self._changelog_lines(prepared))

    def _changelog_lines(self, prepared: Prepared) -> list[Line]:
        lines = state_lines(prepared.state)
        now = self._clock()
        if now >= self._position_due and prepared.records:
            lines.append(position_line(prepared.delivered))
            self._position_due = now + _POSITION_INTERVAL
        return lines

    async def _set_aside(self, refused: list[Line], prepared: Prepared) -> None:
        letters = [
            encode_letter(
                too_large(
                    line,
                    service=self._route.service,
                    topic=self._route.input_topic,
                    partition=self._partition,
                    offset=max(prepared.delivered - 1, 0),
                    now=self._clock(),
                )
            )
            for line in refused
        ]
        await self._producer.deliver(self._route.topics[Stage.DEADLETTER], self._partition, letters)
