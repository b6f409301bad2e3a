"""Model reloads under load: vectors lost, memory, latency during a swap, and from an approval to the new model."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import orjson

from andon.clock import MILLISECOND, SECOND, wall_clock
from andon.features.definition import Aggregate
from andon.stream.reading import reader
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, bus, is_quick, result, table
from bench.desk import Desk, desk
from bench.frames import plant_document
from bench.subjects.vectors import BATCH_ROWS, INTERVAL_S
from bench.vectors import Autoencoders, Vectors
from bench.verdicts import Verdicts, read_verdicts
from sandbox.monitor import scrape

#: Neurons between the features and their reconstruction: a few KiB of weights, and 10 MB of them.
_SMALL, _LARGE = (16, 8, 16), (1_560, 1_560)
_AGGREGATES = [Aggregate.MEAN, Aggregate.STD]
#: Memory is compared with what it was after this many reloads.
_SETTLED = 10
#: The first batches of a new model still count as those of its swap.
_AFTERMATH = 200 * MILLISECOND
#: What a reload leaves to do is done after so long.
_SETTLE_S = 1.0
_PATIENCE_S = 60.0

Span = tuple[float, float]


class _Loads:
    """When the service under measurement said that it had loaded each version."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._changed = asyncio.Condition()

    async def listen(self, on: Bus) -> None:
        """Take in the `model` topic until cancelled."""
        async with reader(on.kafka, topic_name(on.plant, Stage.MODEL), range(on.kafka.partitions)) as consumer:
            async for record in consumer:
                event = orjson.loads(record.value)
                if event["action"] == "refused":
                    raise BenchError(f"the service refused version {event['version']}: {event['reason']}")
                if event["action"] == "loaded":
                    async with self._changed:
                        self._at[event["version"]] = event["time"]
                        self._changed.notify_all()

    async def when(self, version: str) -> int:
        """Wait until *version* is loaded and return when it was, microseconds UTC."""
        async with asyncio.timeout(_PATIENCE_S), self._changed:
            await self._changed.wait_for(lambda: version in self._at)
            return self._at[version]


@dataclass
class _Run:
    """What was seen of the service while models were promoted.

    Attributes:
        swaps: from each approval to the end of the new model's first batches, milliseconds UTC.
        quiet: when vectors came and nobody promoted anything, milliseconds UTC.
        resident: bytes that the service held after each reload.
        small_s: from the approval of each small model until it was loaded.
        large_s: the same of the large ones.
        reloads: how many swaps the service itself counted.
    """

    swaps: list[Span] = field(default_factory=list)
    quiet: list[Span] = field(default_factory=list)
    resident: list[int] = field(default_factory=list)
    small_s: list[float] = field(default_factory=list)
    large_s: list[float] = field(default_factory=list)
    reloads: int = 0

    @property
    def growth(self) -> float:
        """By which share the service's memory grew from the tenth reload to the last small one."""
        return self.resident[-1] / self.resident[_SETTLED - 1] - 1


@dataclass(frozen=True, slots=True)
class _Setting:
    """Everything that is at work."""

    desk: Desk
    service: Child
    loads: _Loads

    async def reload(self, models: Autoencoders, number: int) -> tuple[int, int]:
        """Promote one more model; return when it was approved and when it was loaded, microseconds UTC."""
        bundle = await asyncio.to_thread(models.bundle, number, created=wall_clock())
        approved = await self.desk.promote(bundle)
        return approved, await self.loads.when(bundle.manifest.version)


@contextlib.asynccontextmanager
async def _setting(on: Bus) -> AsyncIterator[_Setting]:
    """Run the registry, and the inference service that follows it."""
    await ensure_topics(on.kafka, on.plant)
    loads = _Loads()
    async with desk(on) as at, asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(loads.listen(on))
        environment = at.site.client_environment("inference")
        with child(on, "services.inference", environment=environment) as service:
            await service.ready()
            yield _Setting(at, service, loads)
        listening.cancel()


async def _run(on: Bus, reloads: int, large: int, quiet_s: float) -> tuple[_Run, Verdicts]:
    """Promote models, a vector every half millisecond all the while, and see what became of the vectors."""
    run, vectors = _Run(), Vectors(on.plant)
    async with _setting(on) as setting:
        small = Autoencoders(vectors, _SMALL)
        await setting.reload(small, 0)
        with child(on, "bench.subjects.vectors") as publisher:
            await publisher.said("publishing")
            await _rest(run, quiet_s)
            await _small(run, setting, small, reloads)
            await _rest(run, quiet_s)
            await _large(run, setting, Autoencoders(vectors, _LARGE), large)
        return run, await read_verdicts(on.kafka, on.plant)


async def _small(run: _Run, setting: _Setting, models: Autoencoders, reloads: int) -> None:
    before = await _swapped(setting)
    for number in range(1, reloads + 1):
        approved, loaded = await setting.reload(models, number)
        run.swaps.append((approved / MILLISECOND, (loaded + _AFTERMATH) / MILLISECOND))
        run.small_s.append((loaded - approved) / SECOND)
        run.resident.append(setting.service.resident_bytes)
    run.reloads = await _swapped(setting) - before


async def _large(run: _Run, setting: _Setting, models: Autoencoders, reloads: int) -> None:
    for number in range(reloads):
        approved, loaded = await setting.reload(models, number)
        run.large_s.append((loaded - approved) / SECOND)


async def _swapped(setting: _Setting) -> int:
    setting.service.check()
    seen = await scrape({"inference": setting.service.port})
    return int(seen["inference"].total("andon_models_swapped_total"))


async def _rest(run: _Run, quiet_s: float) -> None:
    """Let vectors come without any promotion."""
    await asyncio.sleep(_SETTLE_S)
    begun = wall_clock()
    await asyncio.sleep(quiet_s)
    run.quiet.append((begun / MILLISECOND, wall_clock() / MILLISECOND))


def main() -> None:
    reloads, large, quiet_s = (50, 5, 5.0) if is_quick(__doc__ or "") else (1_000, 20, 30.0)
    with bus(plant_document(aggregates=_AGGREGATES)) as on:
        run, verdicts = asyncio.run(_run(on, reloads, large, quiet_s))
    swapping, quiet = verdicts.p99(run.swaps), verdicts.p99(run.quiet)
    table(
        f"{verdicts.waited.height:,} feature vectors, {BATCH_ROWS / INTERVAL_S:,.0f} a second",
        ("reloads", "lost", "judged twice", "p99 ms quiet", "p99 ms swapping", "MiB after 10", "MiB at the end"),
        [
            (
                f"{run.reloads:,}",
                str(verdicts.lost),
                str(verdicts.doubled),
                f"{quiet:.0f}",
                f"{swapping:.0f}",
                f"{run.resident[_SETTLED - 1] / 2**20:.0f}",
                f"{run.resident[-1] / 2**20:.0f}",
            )
        ],
    )
    table(
        "From the approval to the new model at work, seconds",
        ("bundle", "median", "longest"),
        [
            ("some KiB", *_spread(run.small_s)),
            ("10 MB", *_spread(run.large_s)),
        ],
    )
    result(
        "reload",
        reloads=run.reloads,
        lost=verdicts.lost,
        doubled=verdicts.doubled,
        rss_growth=run.growth,
        p99_ratio=swapping / quiet,
        promotion_to_swap_s=statistics.median(run.large_s),
        promotion_to_swap_max_s=max(run.large_s),
    )


def _spread(seconds: Sequence[float]) -> tuple[str, str]:
    return f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"


if __name__ == "__main__":
    main()
