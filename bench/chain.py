"""The whole chain, raw frame to alert: sustained rate, and latency at two rates."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass

import orjson

from andon.clock import MILLISECOND, SECOND
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.chained import STAGES, Backlog, Rate, chained, publishing, work_off
from bench.common import Bus, bus, is_quick, result, table
from bench.frames import plant_document

#: Machines of the plant; as many of them send as a rate needs.
_PLANT_MACHINES = 2_000
_BACKLOG_MACHINES = 500
#: Latency is not looked at before the publisher has run for this long.
_RAMP_S = 3
_LIVE_FRAMES_PER_S = 2_000


@dataclass(frozen=True, slots=True)
class _Latency:
    """Ingest to verdict, milliseconds."""

    frames_per_s: float
    p50: float
    p99: float
    verdicts: int


async def _latency(on: Bus, frames_per_s: float, seconds: int) -> _Latency:
    with publishing(on, frames_per_s, seconds) as (publisher, rate):
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


async def _measure(count: int, live_s: int) -> tuple[Rate, _Latency, _Latency]:
    backlog = Backlog(_BACKLOG_MACHINES, count)
    with bus(plant_document(machines=_PLANT_MACHINES)) as on:
        async with chained(on, backlog) as chain:
            rate = await work_off(chain, backlog)
            live = await _latency(on, _LIVE_FRAMES_PER_S, live_s)
            return rate, live, await _latency(on, rate.frames_per_s / 2, live_s)


def _show(rates: list[Rate], lives: list[_Latency], latencies: list[_Latency]) -> None:
    rate = sorted(rates, key=lambda each: each.frames_per_s)[len(rates) // 2]
    table(
        f"Raw frame to alert: {rate.frames_per_s:,.0f} frames of 8 tags/s over {rate.seconds:.0f} s",
        ("service", "CPU us/frame", "share"),
        [(name, f"{rate.cpu_us[name]:.1f}", f"{rate.cpu_us[name] / sum(rate.cpu_us.values()):.0%}") for name in STAGES],
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


def main() -> None:
    backlog, live_s, rounds = (300_000, 10, 1) if is_quick(__doc__ or "") else (600_000, 30, 3)
    rates, lives, latencies = zip(*(asyncio.run(_measure(backlog, live_s)) for _ in range(rounds)), strict=True)
    _show(list(rates), list(lives), list(latencies))


if __name__ == "__main__":
    main()
