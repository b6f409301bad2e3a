"""The whole chain, raw frame to alert: sustained rate, latency at half of it, and memory over ten minutes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from andon.clock import MILLISECOND, SECOND
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.chained import STAGES, Backlog, Rate, chained, work_off
from bench.child import Child, child
from bench.common import Bus, bus, result, table
from bench.frames import RATE_HZ, plant_document

#: Machines of the plant; as many of them send as a rate needs.
_PLANT_MACHINES = 2_000
_BACKLOG_MACHINES = 500
#: Latency is not looked at before the publisher has run for this long.
_RAMP_S = 3
_SOAK_FRAMES_PER_S = 5_000


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
    resident: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in STAGES})

    def sample(self, services: dict[str, Child]) -> None:
        self.seconds.append(time.monotonic())
        for name, service in services.items():
            self.resident[name].append(service.resident_bytes)

    def mib_per_minute(self, name: str) -> float:
        """Return the slope of the second half."""
        half = len(self.seconds) // 2
        return statistics.linear_regression(self.seconds[half:], self.resident[name][half:]).slope * 60 / 2**20


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


async def _measure(frames: int, live_s: int) -> tuple[Rate, _Latency]:
    backlog = Backlog(_BACKLOG_MACHINES, frames)
    with bus(plant_document(machines=_PLANT_MACHINES)) as on:
        async with chained(on, backlog) as chain:
            rate = await work_off(chain, backlog)
            return rate, await _latency(on, rate.frames_per_s / 2, live_s)


async def _soak(seconds: int) -> _Memory:
    memory = _Memory()
    with bus(plant_document(machines=_PLANT_MACHINES)) as on:
        async with chained(on, Backlog(_BACKLOG_MACHINES, 0)) as chain:
            with _publishing(on, _SOAK_FRAMES_PER_S, seconds) as (publisher, _):
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    publisher.check()
                    memory.sample(chain.services)
                    await asyncio.sleep(2)
    return memory


def _show(rates: list[Rate], latencies: list[_Latency]) -> None:
    rate = sorted(rates, key=lambda each: each.frames_per_s)[len(rates) // 2]
    table(
        f"Raw frame to alert: {rate.frames_per_s:,.0f} frames of 8 tags/s over {rate.seconds:.0f} s",
        ("service", "CPU us/frame", "share"),
        [(name, f"{rate.cpu_us[name]:.1f}", f"{rate.cpu_us[name] / sum(rate.cpu_us.values()):.0%}") for name in STAGES],
    )
    table(
        "Ingest to verdict at half of that",
        ("frames/s", "p50 ms", "p99 ms", "verdicts"),
        [(f"{each.frames_per_s:,}", f"{each.p50:.0f}", f"{each.p99:.0f}", f"{each.verdicts:,}") for each in latencies],
    )
    result(
        "chain",
        frames_per_s=rate.frames_per_s,
        p50_ms=statistics.median(each.p50 for each in latencies),
        p99_ms=statistics.median(each.p99 for each in latencies),
    )


def _show_memory(memory: _Memory) -> None:
    slopes = {name: memory.mib_per_minute(name) for name in STAGES}
    table(
        f"Memory at {_SOAK_FRAMES_PER_S:,} frames/s over {memory.seconds[-1] - memory.seconds[0]:.0f} s",
        ("service", "MiB first", "MiB half-way", "MiB last", "slope of the second half, MiB/min"),
        [(name, *_marks(memory.resident[name]), f"{slopes[name]:+.2f}") for name in STAGES],
    )
    result("soak", **{f"{name}_mib_per_min": slope for name, slope in slopes.items()})


def _marks(resident: list[int]) -> Iterable[str]:
    return (f"{resident[index] / 2**20:.0f}" for index in (0, len(resident) // 2, -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run, under 50 s")
    parser.add_argument("--soak", type=int, nargs="?", const=600, metavar="SECONDS", help="memory only, ten minutes")
    arguments = parser.parse_args()
    if arguments.soak:
        _show_memory(asyncio.run(_soak(arguments.soak)))
        return
    backlog, live_s, rounds = (300_000, 10, 1) if arguments.quick else (600_000, 30, 3)
    rates, latencies = zip(*(asyncio.run(_measure(backlog, live_s)) for _ in range(rounds)), strict=True)
    _show(list(rates), list(latencies))


if __name__ == "__main__":
    main()
