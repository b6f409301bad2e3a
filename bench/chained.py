"""The four services from raw frame to alert as processes, with a backlog before the first of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from andon.clock import SECOND, wall_clock
from andon.plant import Plant
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, fill
from bench.frames import CLASS, frames
from bench.growth import watch_growth
from bench.model import served_from, train_model
from sandbox.monitor import scrape

#: In the order of the data's way.
STAGES = ("context", "feature", "inference", "alert")
#: Verdicts are waited for until this share of the windows is judged; the last of each machine stay open.
_SEEN = 0.9
#: Services whose records are frames; those of the others are windows.
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

    async def start(self, name: str, *, timeout_s: float = 600) -> Child:
        """Start a service, alone, and return it when it is ready."""
        begun = time.monotonic()
        service = self.stack.enter_context(child(self.on, f"services.{name}", environment=self.environment))
        await service.ready(timeout_s)
        self.started[name] = Started(time.monotonic() - begun, service.cpu_seconds, service.resident_bytes)
        self.services[name] = service
        return service

    @property
    def cpu_seconds(self) -> dict[str, float]:
        """Processor time of each service up to now."""
        return {name: service.cpu_seconds for name, service in self.services.items()}

    async def read(self) -> dict[str, float]:
        """Return how many records each service has read."""
        for service in self.services.values():
            service.check()
        readings = await scrape({name: service.port for name, service in self.services.items()})
        return {name: reading.total("andon_records_read_total") for name, reading in readings.items()}


@contextlib.asynccontextmanager
async def chained(on: Bus, backlog: Backlog) -> AsyncIterator[Chain]:
    """Run the services; the first of them starts last, when the others are ready and a backlog waits for it."""
    train_model(on.plant, on.directory / "bundles")
    await ensure_topics(on.kafka, on.plant)
    with contextlib.ExitStack() as stack:
        chain = Chain(on, served_from(on.directory / "bundles"), stack)
        for name in STAGES[1:]:
            await chain.start(name)
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


async def work_off(chain: Chain, backlog: Backlog, *, timeout_s: float = 120) -> Rate:
    """Time the way from the first frame that context has read to the verdict that alert has read at last.

    Raises:
        BenchError: a service ended, or verdicts did not come in time.
    """
    on, per_window = chain.on, frames_per_window(chain.on.plant)
    await watch_growth(on.kafka, topic_name(on.plant, Stage.CONTEXT), 1, list(chain.services.values()))
    begun, used, known = time.monotonic(), chain.cpu_seconds, await chain.read()
    wanted = _SEEN * backlog.count / per_window
    while (read := await chain.read())["alert"] < wanted:
        if time.monotonic() - begun > timeout_s:
            raise BenchError(f"alert has read {read['alert']:.0f} of {wanted:.0f} verdicts after {timeout_s:.0f} s")
        await asyncio.sleep(0.2)
    seconds, now = time.monotonic() - begun, chain.cpu_seconds
    if any(read[name] == known[name] for name in STAGES):
        raise BenchError(f"{backlog.count} frames were read before the first look; more are needed for a rate")
    cpu = {name: (now[name] - used[name]) / (read[name] - known[name]) * 1e6 for name in STAGES}
    return Rate(
        read["alert"] * per_window / seconds,
        seconds,
        {name: us if name in _OF_FRAMES else us / per_window for name, us in cpu.items()},
    )


def frames_per_window(plant: Plant) -> int:
    """Return how many frames a window of the benches' machines holds."""
    asset_class = plant.classes[CLASS]
    return asset_class.features.window // asset_class.scan
