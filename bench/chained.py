"""The services from raw frame to alert, and others beside them, as processes with a backlog before the first one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

from andon.clock import SECOND, wall_clock
from andon.plant import Plant
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, fill
from bench.frames import CLASS, RATE_HZ, frames
from bench.growth import watch_growth
from bench.model import served_from, train_model
from sandbox.monitor import Reading, scrape

#: How many records a service has read.
READ = "andon_records_read_total"
#: In the order of the data's way.
STAGES = ("context", "feature", "inference", "alert")
#: A backlog is worked off when every service has read this share of it; each machine's last windows stay open.
_SEEN = 0.9
#: Services whose records are frames; the historian reads two stages of frames and two of windows, all others windows.
_OF_FRAMES = ("context", "feature")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Frames that wait for the first service.

    Attributes:
        machines: how many of the plant's machines have sent them.
        count: how many there are.
    """

    machines: int
    count: int


@dataclass(frozen=True, slots=True)
class Started:
    """What a service had used when it was ready, from the start of its process on."""

    seconds: float
    cpu_seconds: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What came of a backlog: frames per second, and each service's processor time."""

    frames_per_s: float
    seconds: float
    cpu_us: dict[str, float]


@dataclass
class Chain:
    """The services at work.

    Attributes:
        on: where they run.
        environment: of each of them.
        stack: ends them.
        services: by name.
        started: how each came to be ready.
    """

    on: Bus
    environment: Mapping[str, str]
    stack: contextlib.ExitStack
    services: dict[str, Child] = field(default_factory=dict)
    started: dict[str, Started] = field(default_factory=dict)

    async def start(self, name: str, extra: Mapping[str, str] | None = None, *, timeout_s: float = 600) -> Child:
        """Start a service, alone, with *extra* variables of its own, and return it when it is ready."""
        begun = time.monotonic()
        environment = {**self.environment, **(extra or {})}
        service = self.stack.enter_context(child(self.on, f"services.{name}", environment=environment))
        await service.ready(timeout_s)
        self.started[name] = Started(time.monotonic() - begun, service.cpu_seconds, service.resident_bytes)
        self.services[name] = service
        return service

    @property
    def cpu_seconds(self) -> dict[str, float]:
        """Processor time of each service up to now."""
        return {name: service.cpu_seconds for name, service in self.services.items()}

    async def readings(self) -> dict[str, Reading]:
        """Return the metrics of each service.

        Raises:
            BenchError: a service has ended.
        """
        for service in self.services.values():
            service.check()
        return await scrape({name: service.port for name, service in self.services.items()})

    async def read(self) -> dict[str, float]:
        """Return how many records each service has read."""
        return {name: reading.total(READ) for name, reading in (await self.readings()).items()}


@contextlib.asynccontextmanager
async def chained(
    on: Bus, backlog: Backlog, beside: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[Chain]:
    """Run the services; the first of them starts last, when the others are ready and a backlog waits for it.

    Args:
        on: where they run.
        backlog: what waits.
        beside: services that run beside the stages, with variables of their own.
    """
    train_model(on.plant, on.directory / "bundles")
    await ensure_topics(on.kafka, on.plant)
    with contextlib.ExitStack() as stack:
        chain = Chain(on, served_from(on.directory / "bundles"), stack)
        for name in STAGES[1:]:
            await chain.start(name)
        for name, extra in (beside or {}).items():
            await chain.start(name, extra)
        await fill_raw(on, backlog)
        await chain.start(STAGES[0])
        yield chain


async def fill_raw(on: Bus, backlog: Backlog) -> None:
    """Publish what machines have sent up to now."""
    asset_class = on.plant.classes[CLASS]
    window = asset_class.features.window
    lasts = backlog.count // backlog.machines * asset_class.scan
    start = ((wall_clock() - lasts) // window - 5 * SECOND // window) * window
    await fill(
        on.kafka,
        topic_name(on.plant, Stage.RAW),
        lambda first, n: frames(on.plant, first, n, machines=backlog.machines, start=start),
        backlog.count,
    )


async def work_off(chain: Chain, backlog: Backlog, *, timeout_s: float = 300) -> Rate:
    """Time the way from the first frame that context has made to what the slowest of all services has read at last.

    Raises:
        BenchError: a service ended, or was not done in time.
    """
    on, reads = chain.on, {name: _reads(name, frames_per_window(chain.on.plant)) for name in chain.services}
    await watch_growth(on.kafka, topic_name(on.plant, Stage.CONTEXT), 1, list(chain.services.values()))
    begun, used, known = time.monotonic(), chain.cpu_seconds, await chain.read()
    while _least(read := await chain.read(), reads) < _SEEN * backlog.count:
        if time.monotonic() - begun > timeout_s:
            done = _least(read, reads)
            raise BenchError(f"{done:,.0f} of {backlog.count:,} frames were read by all after {timeout_s:.0f} s")
        await asyncio.sleep(0.2)
    seconds, now = time.monotonic() - begun, chain.cpu_seconds
    if any(read[name] == known[name] for name in reads):
        raise BenchError(f"{backlog.count} frames were read before the first look; more are needed for a rate")
    cpu = {name: (now[name] - used[name]) / (read[name] - known[name]) * reads[name] * 1e6 for name in reads}
    return Rate(_least(read, reads) / seconds, seconds, cpu)


def _least(read: Mapping[str, float], reads: Mapping[str, float]) -> float:
    """Return how many frames all services have read, with *reads* records a frame."""
    return min(count / reads[name] for name, count in read.items())


def _reads(service: str, per_window: int) -> float:
    """Return how many records a service reads for each frame."""
    windows = 1 / per_window
    return 1.0 if service in _OF_FRAMES else 2 + 2 * windows if service == "historian" else windows


def frames_per_window(plant: Plant) -> int:
    """Return how many frames a window of the benches' machines holds."""
    asset_class = plant.classes[CLASS]
    return asset_class.features.window // asset_class.scan


@contextlib.contextmanager
def publishing(on: Bus, frames_per_s: float, seconds: int) -> Iterator[tuple[Child, int]]:
    """Publish live; yields the publisher and the rate, which is that of a whole number of the plant's machines."""
    machines = min(len(on.plant.assets), int(frames_per_s / RATE_HZ))
    with child(on, "bench.subjects.publisher", [str(machines), str(seconds)]) as publisher:
        yield publisher, machines * RATE_HZ
