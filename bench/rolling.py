"""A rolling restart of each service under load: windows lost, verdicts that differ, and how soon latency is back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import orjson
import polars as pl

from andon.clock import MILLISECOND, SECOND, wall_clock
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.chained import STAGES, Backlog, Chain, chained, publishing
from bench.common import BenchError, Bus, bus, is_quick, result, table
from bench.frames import RATE_HZ, plant_document

_FRAMES_PER_S = 2_000
_MACHINES = _FRAMES_PER_S // RATE_HZ
#: Latency is not looked at before data has flowed for this long.
_RAMP_S = 5
#: Latency is back when the 99th percentile of a second's windows is below this again.
_BACK_MS = 1_000
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class _Restart:
    """When a service was restarted, microseconds UTC: from its successor's start until it was gone itself."""

    service: str
    begun: int
    ended: int


@dataclass(frozen=True, slots=True)
class _Windows:
    """What became of all windows.

    Attributes:
        expected: how many must be there.
        verdicts: columns `id`, `asset`, `time`, `content`, `ingested` and `sent` (milliseconds UTC).
    """

    expected: int
    verdicts: pl.DataFrame

    @property
    def lost(self) -> int:
        """Windows without a verdict."""
        return self.expected - self.verdicts.select("asset", "time").n_unique()

    @property
    def doubled(self) -> int:
        """Windows whose verdicts differ; the same verdict twice has no effect and is none."""
        contents = self.verdicts.group_by("asset", "time").agg(pl.col("id", "content").n_unique())
        return contents.filter(pl.max_horizontal("id", "content") > 1).height

    def p99_by_second(self, since: int, until: int) -> pl.DataFrame:
        """Return each second of ingest (UTC) with its p99 until the verdict (ms), between two times (us UTC)."""
        first = self.verdicts.group_by("id").agg(pl.col("ingested").first(), pl.col("sent").min())
        within = first.filter(pl.col("ingested").is_between(since / MILLISECOND, until / MILLISECOND))
        latency = (pl.col("sent") - pl.col("ingested")).quantile(0.99).alias("p99")
        return within.group_by((pl.col("ingested") // 1_000).alias("second")).agg(latency).sort("second")


async def _restart(chain: Chain, service: str) -> _Restart:
    """Do what Kubernetes does: the new one is ready before the old one is asked to go."""
    begun, old = wall_clock(), chain.services[service]
    await chain.start(service)
    await asyncio.to_thread(old.stop)
    return _Restart(service, begun, wall_clock())


async def _run(on: Bus, pause_s: int) -> tuple[list[_Restart], _Windows]:
    """Restart one service after the other while data flows, each with as long for itself."""
    seconds = _RAMP_S + len(STAGES) * pause_s
    async with chained(on, Backlog(_MACHINES, 0)) as chain:
        with publishing(on, _FRAMES_PER_S, seconds) as (publisher, _):
            await asyncio.sleep(_RAMP_S)
            restarts = []
            for service in STAGES:
                restarts.append(await _restart(chain, service))
                await asyncio.sleep(max(0.0, pause_s - (wall_clock() - restarts[-1].begun) / SECOND))
            await publisher.said("published", timeout_s=seconds + 60)
        return restarts, await _all_windows(on, (seconds - 1) * _MACHINES)


async def _all_windows(on: Bus, expected: int) -> _Windows:
    """Return all windows; those that are still to be judged are waited for, but not for ever."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        windows = _Windows(expected, await _verdicts(on))
        if windows.lost <= 0 or time.monotonic() > deadline:
            return windows


async def _verdicts(on: Bus) -> pl.DataFrame:
    topic = topic_name(on.plant, Stage.INFERENCE)
    rows = []
    async for record in read_to_end(on.kafka, topic, range(on.kafka.partitions)):
        event = orjson.loads(record.value)
        said = (event["decision"], event["score"], event["start"])
        ingested = event["ingest_time"] / MILLISECOND
        rows.append((event["id"], event["asset"], event["time"], repr(said), ingested, record.timestamp))
    return pl.DataFrame(rows, schema=("id", "asset", "time", "content", "ingested", "sent"), orient="row")


def _recovery_s(windows: _Windows, restart: _Restart, until: int) -> tuple[float, float]:
    """Return how long after a restart's begin latency was high for the last time, seconds, and the worst p99, ms."""
    seconds = windows.p99_by_second(restart.begun, until)
    slow = seconds.filter(pl.col("p99") > _BACK_MS)["second"]
    back = 0.0 if slow.is_empty() else float(slow.max() + 1 - restart.begun / SECOND)  # type: ignore[operator]
    return back, float(seconds["p99"].max() or 0.0)  # type: ignore[arg-type]


def main() -> None:
    pause_s = 20 if is_quick(__doc__ or "") else 40
    with bus(plant_document(machines=_MACHINES)) as on:
        restarts, windows = asyncio.run(_run(on, pause_s))
    if windows.verdicts.is_empty():
        raise BenchError("no window was judged")
    found = [(each, *_recovery_s(windows, each, each.begun + pause_s * SECOND)) for each in restarts]
    table(
        f"{windows.expected:,} windows of {_FRAMES_PER_S:,} frames/s: "
        f"{windows.lost} lost, {windows.doubled} with verdicts that differ",
        ("restarted", "s from start to gone", "s until p99 < 1 s", "worst p99 of a second, ms"),
        [
            (each.service, f"{(each.ended - each.begun) / SECOND:.1f}", f"{back:.1f}", f"{worst:,.0f}")
            for each, back, worst in found
        ],
    )
    result("rolling", lost=windows.lost, doubled=windows.doubled, worst_recovery_s=max(back for _, back, _ in found))


if __name__ == "__main__":
    main()
