"""Bringing notifications to one sink: in order per machine, machines beside each other, none for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from andon.backoff import Backoff
from andon.clock import SECOND
from andon.contracts import DeadLetterReason
from andon.stream.codec import Consumed
from services.notify.answer import Answer, Later, Refused, Taken
from services.notify.config import SinkConfig
from services.notify.notification import Notification
from services.notify.sinks.sink import Sink

#: Longest pause between two attempts, unless the sink asks for a longer one.
_LONGEST_PAUSE = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Parcel:
    """A notification on its way.

    Attributes:
        record: what it was read from.
        notification: what the sink is told.
    """

    record: Consumed
    notification: Notification


@dataclass(frozen=True, slots=True)
class Unsent:
    """A parcel that the sink is not told of, and why."""

    parcel: Parcel
    reason: DeadLetterReason
    detail: str


class Report(Protocol):
    """Hears what becomes of parcels."""

    def taken(self, parcel: Parcel) -> None:
        """Hear that the sink has it."""

    def later(self, parcel: Parcel, reason: str) -> None:
        """Hear that the sink did not take it; it is tried again."""

    async def unsent(self, unsent: Unsent) -> None:
        """Put on record that it is given up."""


class Courier:
    """Brings parcels to one sink until it is closed.

    Args:
        sink: an open sink.
        policy: how many deliveries at once, and how long each is tried.
        report: hears what becomes of them.
        done: called with a record about which nothing is left to do.
        failed: called with an error that no delivery should raise.
    """

    def __init__(
        self,
        sink: Sink,
        policy: SinkConfig,
        report: Report,
        done: Callable[[Consumed], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._sink, self._report, self._done, self._failed = sink, report, done, failed
        self._patience_s = policy.give_up_after / SECOND
        self._places = asyncio.Semaphore(policy.at_once)
        self._loop = asyncio.get_running_loop()
        self._queues: dict[str, deque[tuple[Parcel, float]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._quiet_until = 0.0

    def put(self, parcel: Parcel) -> None:
        """Take a parcel; from now on its time runs."""
        asset, entry = parcel.notification.alert.asset, (parcel, self._loop.time() + self._patience_s)
        if asset in self._queues:
            self._queues[asset].append(entry)
            return
        self._queues[asset] = deque((entry,))
        task = asyncio.create_task(self._work(asset), name=f"courier-{asset}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def close(self, within_s: float) -> None:
        """End: attempts that run may finish within a time; what is not done by then is not reported as done."""
        self._closing.set()
        if self._tasks:
            _, running = await asyncio.wait(self._tasks, timeout=within_s)
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    async def _work(self, asset: str) -> None:
        queue = self._queues[asset]
        while queue and await self._bring(*queue[0]):
            parcel, _ = queue.popleft()
            self._done(parcel.record)
        del self._queues[asset]

    async def _bring(self, parcel: Parcel, due: float) -> bool:
        """Return whether there is nothing left to do about a parcel; False when the courier is closed before."""
        backoff, again = Backoff(first=SECOND, limit=_LONGEST_PAUSE), 0.0
        while not await self._closed_before(min(max(again, self._quiet_until), due)):
            async with self._places:
                if self._closing.is_set():
                    break
                answer = await self._sink.deliver(parcel.notification)
            if await self._settles(parcel, answer, due):
                return True
            again = self._loop.time() + backoff.next() / SECOND
        return False

    async def _settles(self, parcel: Parcel, answer: Answer, due: float) -> bool:
        """Report an answer, and return whether no other attempt follows."""
        match answer:
            case Taken():
                self._report.taken(parcel)
            case Refused(reason):
                await self._report.unsent(Unsent(parcel, DeadLetterReason.REFUSED, reason))
            case Later(reason) if self._loop.time() >= due:
                detail = f"not taken in {self._patience_s:g} s (give_up_after), at last: {reason}"
                await self._report.unsent(Unsent(parcel, DeadLetterReason.UNDELIVERED, detail))
            case Later(reason, wait):
                self._report.later(parcel, reason)
                self._quiet_until = max(self._quiet_until, self._loop.time() + wait / SECOND)
                return False
        return True

    async def _closed_before(self, moment: float) -> bool:
        """Wait until a moment of the loop's clock, and return whether the courier is closed before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(moment):
                await self._closing.wait()
        return self._closing.is_set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error:
            self._failed(error)
