"""The whole chain, raw frame to alert: sustained rate, latency at two rates, and memory over ten minutes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from andon.clock import MILLISECOND, SECOND, wall_clock
from andon.stream.reading import read_to_end
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, bus, fill, result, table
from bench.frames import RATE_HZ, frames, plant_document
from bench.growth import watch_growth
from bench.model import served_from, train_model
from sandbox.monitor import scrape

#: In the order of the data's way.
_STAGES = ("context", "feature", "inference", "alert")
#: Machines of the plant; as many of them send as a rate needs.
_PLANT_MACHINES = 2_000
_BACKLOG_MACHINES = 500
#: Verdicts are waited for until this share of the windows is judged; the last of each machine stay open.
_SEEN = 0.9
#: Latency is not looked at before the publisher has run for this long.
_RAMP_S = 3
_LIVE_FRAMES_PER_S = 2_000
_SOAK_FRAMES_PER_S = 5_000


@dataclass(frozen=True, slots=True)
class _Rate:
    """What came of a backlog: frames per second, and each service's share of the work."""

    frames_per_s: float
    seconds: float
    cpu_us: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Latency:
    """Ingest to verdict, milliseconds."""

    frames_per_s: float
    p50: float
    p99: float
    verdicts: int


@dataclass
class _Memory:
    """Resident bytes of each service, sampled."""

    seconds: list[float] = field(default_factory=list)
    resident: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in _STAGES})

    def sample(self, services: dict[str, Child]) -> None:
        self.seconds.append(time.monotonic())
        for name, service in services.items():
            self.resident[name].append(service.resident_bytes)

    def mib_per_minute(self, name: str) -> float:
        """Return the slope of the second half."""
        half = len(self.seconds) // 2
        return statistics.linear_regression(self.seconds[half:], self.resident[name][half:]).slope * 60 / 2**20


@contextlib.asynccontextmanager
async def _chain(on: Bus, backlog: int) -> AsyncIterator[dict[str, Child]]:
    """Run the services; the first of them starts last, when the others are ready and a backlog waits for it."""
    model = served_from(on.directory / "bundles")
    train_model(on.plant, on.directory / "bundles")
    await ensure_topics(on.kafka, on.plant)
    with contextlib.ExitStack() as stack:
        services = {name: stack.enter_context(child(on, f"services.{name}", environment=model)) for name in _STAGES[1:]}
        await asyncio.gather(*(service.ready() for service in services.values()))
        await _fill(on, backlog)
        services["context"] = stack.enter_context(child(on, "services.context"))
        yield services


async def _fill(on: Bus, count: int) -> None:
    """Publish what `_BACKLOG_MACHINES` have sent up to now."""
    start = (wall_clock() // SECOND - count // (_BACKLOG_MACHINES * RATE_HZ) - 5) * SECOND
    await fill(
        on.kafka,
        topic_name(on.plant, Stage.RAW),
        lambda first, n: frames(on.plant, first, n, machines=_BACKLOG_MACHINES, start=start),
        count,
    )


async def _work_off(on: Bus, services: dict[str, Child], backlog: int) -> _Rate:
    """Time the way from the first frame that context has read to the verdict that alert has read at last."""
    await watch_growth(on.kafka, topic_name(on.plant, Stage.CONTEXT), 1, list(services.values()))
    begun, used = time.monotonic(), _cpu_seconds(services)
    wanted = _SEEN * backlog / RATE_HZ
    while (judged := await _verdicts_read(services["alert"])) < wanted:
        if time.monotonic() - begun > 120:
            raise BenchError(f"alert has read {judged:.0f} of {wanted:.0f} verdicts after two minutes")
        await asyncio.sleep(0.2)
    seconds, done = time.monotonic() - begun, judged * RATE_HZ
    cpu = {name: (now - used[name]) / done * 1e6 for name, now in _cpu_seconds(services).items()}
    return _Rate(done / seconds, seconds, cpu)


async def _verdicts_read(alert: Child) -> float:
    alert.check()
    return (await scrape({"alert": alert.port}))["alert"].total("andon_records_read_total")


def _cpu_seconds(services: dict[str, Child]) -> dict[str, float]:
    return {name: service.cpu_seconds for name, service in services.items()}


@contextlib.contextmanager
def _publishing(on: Bus, frames_per_s: float, seconds: int) -> Iterator[tuple[Child, int]]:
    """Publish live; yields the publisher and the rate, which is that of a whole number of machines."""
    machines = min(_PLANT_MACHINES, int(frames_per_s / RATE_HZ))
    with child(on, "bench.subjects.publisher", [str(machines), str(seconds)]) as publisher:
        yield publisher, machines * RATE_HZ


async def _latency(on: Bus, frames_per_s: float, seconds: int) -> _Latency:
    with _publishing(on, frames_per_s, seconds) as (publisher, rate):
        (start,) = await publisher.said("published", timeout_s=seconds + 60)
    await asyncio.sleep(2)  # the last verdicts are on their way
    since = int(start) + _RAMP_S * SECOND
    verdicts = [
        record.timestamp - orjson.loads(record.value)["ingest_time"] / MILLISECOND
        async for record in read_to_end(on.kafka, topic_name(on.plant, Stage.INFERENCE), range(on.kafka.partitions))
        if orjson.loads(record.value)["ingest_time"] >= since
    ]
    quantiles = statistics.quantiles(verdicts, n=100)
    return _Latency(rate, quantiles[49], quantiles[98], len(verdicts))


async def _measure(backlog: int, live_s: int) -> tuple[_Rate, _Latency, _Latency]:
    with bus(plant_document(machines=_PLANT_MACHINES)) as on:
        async with _chain(on, backlog) as services:
            rate = await _work_off(on, services, backlog)
            live = await _latency(on, _LIVE_FRAMES_PER_S, live_s)
            return rate, live, await _latency(on, rate.frames_per_s / 2, live_s)


async def _soak(seconds: int) -> _Memory:
    memory = _Memory()
    with bus(plant_document(machines=_PLANT_MACHINES)) as on:
        async with _chain(on, 0) as services:
            await services["context"].ready()
            with _publishing(on, _SOAK_FRAMES_PER_S, seconds) as (publisher, _):
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    publisher.check()
                    memory.sample(services)
                    await asyncio.sleep(2)
    return memory


def _show(rates: list[_Rate], lives: list[_Latency], latencies: list[_Latency]) -> None:
    rate = sorted(rates, key=lambda each: each.frames_per_s)[len(rates) // 2]
    table(
        f"Raw frame to alert: {rate.frames_per_s:,.0f} frames of 8 tags/s over {rate.seconds:.0f} s",
        ("service", "CPU us/frame", "share"),
        [
            (name, f"{rate.cpu_us[name]:.1f}", f"{rate.cpu_us[name] / sum(rate.cpu_us.values()):.0%}")
            for name in _STAGES
        ],
    )
    table(
        f"Ingest to verdict at {_LIVE_FRAMES_PER_S:,} frames/s and at half of that rate",
        ("frames/s", "p50 ms", "p99 ms", "verdicts"),
        [
            (f"{each.frames_per_s:,}", f"{each.p50:.0f}", f"{each.p99:.0f}", f"{each.verdicts:,}")
            for each in (*lives, *latencies)
        ],
    )
    result(
        "chain",
        frames_per_s=rate.frames_per_s,
        live_p50_ms=statistics.median(each.p50 for each in lives),
        live_p99_ms=statistics.median(each.p99 for each in lives),
        p50_ms=statistics.median(each.p50 for each in latencies),
        p99_ms=statistics.median(each.p99 for each in latencies),
    )


def _show_memory(memory: _Memory) -> None:
    slopes = {name: memory.mib_per_minute(name) for name in _STAGES}
    table(
        f"Memory at {_SOAK_FRAMES_PER_S:,} frames/s over {memory.seconds[-1] - memory.seconds[0]:.0f} s",
        ("service", "MiB first", "MiB half-way", "MiB last", "slope of the second half, MiB/min"),
        [(name, *_marks(memory.resident[name]), f"{slopes[name]:+.2f}") for name in _STAGES],
    )
    result("soak", **{f"{name}_mib_per_min": slope for name, slope in slopes.items()})


def _marks(resident: list[int]) -> Iterable[str]:
    return (f"{resident[index] / 2**20:.0f}" for index in (0, len(resident) // 2, -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run, about a minute")
    parser.add_argument("--soak", type=int, nargs="?", const=600, metavar="SECONDS", help="memory only, ten minutes")
    arguments = parser.parse_args()
    if arguments.soak:
        _show_memory(asyncio.run(_soak(arguments.soak)))
        return
    backlog, live_s, rounds = (300_000, 8, 1) if arguments.quick else (600_000, 30, 3)
    rates, lives, halves = zip(*(asyncio.run(_measure(backlog, live_s)) for _ in range(rounds)), strict=True)
    _show(list(rates), list(lives), list(halves))


if __name__ == "__main__":
    main()
