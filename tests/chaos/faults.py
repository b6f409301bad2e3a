"""The faults, one by one: each begins with a block and ends with it, and says what it does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from random import Random

from sandbox.cut import Line
from tests.chaos import clocks, disk
from tests.chaos.arena import Arena
from tests.chaos.kept import Kept

HOUR_S = 3_600
Strike = Callable[[Arena, Random], AbstractAsyncContextManager[str]]
Span = tuple[float, float]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong again and again.

    Attributes:
        name: what it is called by.
        what: it, in words.
        strike: lets it happen for the length of a block, and yields what is hit.
        lasts: seconds that it lasts, from and to.
        pause: seconds between two of them.
        lacks: says why it cannot be done here, if it cannot.
    """

    name: str
    what: str
    strike: Strike
    lasts: Span
    pause: Span
    lacks: Callable[[Arena], str | None]

    async def run(self, arena: Arena, seed: int, longest: float, over: asyncio.Event) -> None:
        """Strike at random times until it is *over*; an end is always put to what was begun.

        Args:
            arena: what to strike.
            seed: of the random times and choices.
            longest: seconds that it may last at most.
            over: set when no more is to happen; a block that has begun ends at once.
        """
        rng = Random(f"{seed}/{self.name}")
        while not await _is_set(over, min(rng.uniform(*self.pause), longest)):
            lasts = min(rng.uniform(*self.lasts), longest)
            async with self.strike(arena, rng) as hit:
                arena.timeline.note(self.name, f"{hit}, {lasts:.1f} s" if self.lasts[1] else hit)
                await _is_set(over, lasts)


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    """Return whether an event is set within a time."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def _any(arena: Arena, rng: Random, names: tuple[str, ...] = ()) -> Kept:
    return arena.kept[rng.choice(sorted(name for name in arena.kept if not names or name in names))]


@contextlib.asynccontextmanager
async def _killed(arena: Arena, rng: Random) -> AsyncIterator[str]:
    service = _any(arena, rng)
    service.kill()
    yield service.service


@contextlib.asynccontextmanager
async def _second_worker(arena: Arena, rng: Random) -> AsyncIterator[str]:
    first = _any(arena, rng, ("context", "feature", "inference", "alert", "historian"))
    politely = rng.random() < 0.7
    second = await first.site.start(first.service, first.extra)
    try:
        yield f"a second {first.service}, to be {'stopped' if politely else 'killed'}"
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ends by itself when it finds no broker at its start
            second.process.send_signal(signal.SIGTERM if politely else signal.SIGKILL)
        await _ended(second.process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 40)
    except TimeoutError:
        process.kill()


@contextlib.asynccontextmanager
async def _broker_paused(arena: Arena, _: Random) -> AsyncIterator[str]:
    assert arena.broker
    pid = arena.broker.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield "SIGSTOP"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextlib.asynccontextmanager
async def _database_paused(arena: Arena, _: Random) -> AsyncIterator[str]:
    assert arena.database
    arena.database.signal(signal.SIGSTOP)
    try:
        yield "SIGSTOP"
    finally:
        arena.database.signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def _database_restarted(arena: Arena, _: Random) -> AsyncIterator[str]:
    assert arena.database
    await asyncio.to_thread(arena.database.crash)
    try:
        yield "SIGKILL, away"
    finally:
        await asyncio.to_thread(arena.database.start)


@contextlib.asynccontextmanager
async def _slowed(arena: Arena, rng: Random) -> AsyncIterator[str]:
    """One tenth of the time for a service; or none at all, for longer than the group waits for it."""
    service = _any(arena, rng)
    if rng.random() < 0.3:
        service.signal(signal.SIGSTOP)
        try:
            yield f"{service.service} frozen"
        finally:
            service.signal(signal.SIGCONT)
        return
    limiter = asyncio.create_task(_limit(service))
    try:
        yield f"{service.service} runs a tenth of the time"
    finally:
        limiter.cancel()
        await asyncio.wait((limiter,))
        service.signal(signal.SIGCONT)


async def _limit(service: Kept) -> None:
    while True:
        service.signal(signal.SIGSTOP)
        await asyncio.sleep(0.45)
        service.signal(signal.SIGCONT)
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _disk_full(arena: Arena, rng: Random) -> AsyncIterator[str]:
    """No room for spool and lake, while the broker is away: the spool is needed only then."""
    line = arena.broker_line
    await asyncio.to_thread(disk.fill, arena.disk)
    if line:
        line.flowing.clear()
    try:
        yield "spool and lake, the broker out of reach" if line else "the lake"
    finally:
        if line:
            line.flowing.set()
        await asyncio.to_thread(disk.clear, arena.disk)


@contextlib.asynccontextmanager
async def _network_cut(arena: Arena, rng: Random) -> AsyncIterator[str]:
    """Half of the connections of a line are broken, or nothing passes any more."""
    line, name = rng.choice(_lines(arena))
    if rng.random() < 0.5:
        broken = line.cut(lambda: rng.random() < 0.5)
        yield f"{broken} connections to the {name} broken"
        return
    line.flowing.clear()
    try:
        yield f"nothing passes to the {name}"
    finally:
        line.cut()  # what was under way is gone
        line.flowing.set()


@contextlib.asynccontextmanager
async def _network_delayed(arena: Arena, rng: Random) -> AsyncIterator[str]:
    line, name = rng.choice(_lines(arena))
    line.delay = rng.uniform(0.05, 0.5)
    try:
        yield f"{line.delay * 1_000:.0f} ms more each way to the {name}"
    finally:
        line.delay = 0.0


def _lines(arena: Arena) -> list[tuple[Line, str]]:
    named = ((arena.broker_line, "broker"), (arena.database_line, "database"), (arena.mqtt_line, "machines"))
    return [(line, name) for line, name in named if line]


@contextlib.asynccontextmanager
async def _clock_stepped(arena: Arena, rng: Random) -> AsyncIterator[str]:
    name = rng.choice(sorted(set(arena.clocks) & set(arena.kept)))
    seconds = rng.choice((HOUR_S, -HOUR_S))
    arena.clocks[name].set(seconds)
    try:
        yield f"{name} by {seconds:+d} s"
    finally:
        arena.clocks[name].set(0)


def _broker_ours(arena: Arena) -> str | None:
    return None if arena.broker else "the broker is not ours to stop"


def _database_ours(arena: Arena) -> str | None:
    return None if arena.database else "the database is not ours to stop"


def _disk_small(arena: Arena) -> str | None:
    return None if arena.small else "no tmpfs can be mounted here"


def _has_lines(arena: Arena) -> str | None:
    return None if _lines(arena) else "broker and database are not ours to stand before"


def _clocks_step(_: Arena) -> str | None:
    return None if clocks.library() else "libfaketime is not installed"


def _nothing(_: Arena) -> str | None:
    return None


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("service-killed", "any service, SIGKILL", _killed, (0, 0), (2, 8), _nothing),
        Fault("workers-come-and-go", "a second worker joins and leaves", _second_worker, (4, 10), (1, 3), _nothing),
        Fault("broker-paused", "the broker, SIGSTOP", _broker_paused, (5, 60), (10, 30), _broker_ours),
        Fault("database-paused", "the database, SIGSTOP", _database_paused, (5, 60), (5, 20), _database_ours),
        Fault("database-restarted", "the database, SIGKILL", _database_restarted, (1, 8), (8, 20), _database_ours),
        Fault("service-slowed", "any service, SIGSTOP and SIGCONT", _slowed, (8, 20), (2, 6), _nothing),
        Fault("disk-full", "no room for spool and lake", _disk_full, (8, 20), (5, 15), _disk_small),
        Fault("network-cut", "connections broken, or dead", _network_cut, (1, 12), (3, 10), _has_lines),
        Fault("network-delayed", "50 to 500 ms each way", _network_delayed, (5, 15), (3, 10), _has_lines),
        Fault("clock-stepped", "the clock of any service, one hour", _clock_stepped, (4, 15), (2, 5), _clocks_step),
    )
}
