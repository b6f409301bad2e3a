"""Delivery of one partition's results, in order, with a bounded number of batches waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from andon.clock import SECOND, Clock, steady_clock
from andon.errors import DeliveryError
from andon.stream.codec import Line
from andon.stream.deadletters import encode_letter, too_large
from andon.stream.partition import Prepared
from andon.stream.producer import BatchProducer
from andon.stream.state import position_line, state_lines
from andon.uns import Stage

#: How often it is recorded how far results are delivered; a crash repeats identical events from the last time on.
_RECORD_INTERVAL = SECOND


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
    then the state that makes a restart skip them. A stateful service also records, about once a second, how far
    it has delivered; only a recorded batch may be committed, so that a restart never rebuilds from less than it skips.

    Args:
        partition: number of the partition.
        route: where results go.
        producer: sends them.
        clock: microseconds UTC, for dead letters.
        on_delivered: called with each batch once it is delivered.
        on_recorded: called with a batch once a restart will go on behind it; then its offsets may be committed.
        depth: batches that may wait; `put` blocks beyond.
    """

    def __init__(
        self,
        partition: int,
        route: Route,
        producer: BatchProducer,
        clock: Clock,
        on_delivered: Callable[[Prepared], None],
        on_recorded: Callable[[Prepared], None],
        depth: int,
    ) -> None:
        self._partition, self._route, self._producer, self._clock = partition, route, producer, clock
        self._on_delivered, self._on_recorded = on_delivered, on_recorded
        self._queue: asyncio.Queue[Prepared] = asyncio.Queue(depth)
        self._unrecorded: Prepared | None = None
        self._given_up = False
        self._record_due = 0
        self.task = asyncio.create_task(self._run(), name=f"lane-{partition}")

    async def put(self, prepared: Prepared) -> None:
        """Queue a batch; waits while too many wait, and returns at once when the lane has ended."""
        queued = asyncio.create_task(self._queue.put(prepared))
        await asyncio.wait((queued, self.task), return_when=asyncio.FIRST_COMPLETED)
        queued.cancel()

    def on_failure(self, fail: Callable[[BaseException | None], None]) -> None:
        """Tell *fail* when delivery ends without having been given up."""

        def on_done(task: asyncio.Task[None]) -> None:
            if not self._given_up:
                fail(DeliveryError("delivery was cancelled") if task.cancelled() else task.exception())

        self.task.add_done_callback(on_done)

    async def drain(self) -> None:
        """Return when everything queued is delivered, or when delivery has failed for good."""
        joined = asyncio.create_task(self._queue.join())
        await asyncio.wait((joined, self.task), return_when=asyncio.FIRST_COMPLETED)
        joined.cancel()
        self._record_due = 0
        await self.record()

    def give_up(self) -> None:
        """Give up what waits: whoever owns the partition next re-reads it."""
        self._given_up = True
        self.task.cancel()

    async def _run(self) -> None:
        while True:
            prepared = await self._queue.get()
            await self._deliver(prepared)
            self._on_delivered(prepared)
            self._unrecorded = prepared
            await self.record()
            self._queue.task_done()

    async def record(self) -> None:
        """Record how far results are delivered, if that is due and has changed."""
        # Not by the clock that may be set: an hour back, it would put off all commits for an hour.
        prepared, now = self._unrecorded, steady_clock()
        if prepared is None or (self._route.changelog and now < self._record_due):
            return
        self._unrecorded, self._record_due = None, now + _RECORD_INTERVAL
        if self._route.changelog:
            line = position_line(prepared.delivered)
            await self._producer.deliver(self._route.changelog, self._partition, [line])
        self._on_recorded(prepared)

    async def _deliver(self, prepared: Prepared) -> None:
        for stage, lines in prepared.lines.items():
            refused = await self._producer.deliver(self._route.topics[stage], self._partition, lines)
            if refused:
                await self._set_aside(refused, prepared)
        if self._route.changelog and prepared.state:
            await self._keep(self._route.changelog, state_lines(prepared.state))

    async def _keep(self, changelog: str, lines: list[Line]) -> None:
        refused = await self._producer.deliver(changelog, self._partition, lines)
        if refused:
            keys = ", ".join(line.key.decode() for line in refused)
            raise DeliveryError(f"the state of {keys} is larger than the broker takes; raise kafka.max_batch_bytes")

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
