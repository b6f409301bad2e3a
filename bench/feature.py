"""The feature service: context frames per second with all aggregates, and against Quix Streams with four."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterable

from andon.features.definition import Aggregate
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import child
from bench.common import Bus, bus, create_topics, fill, is_quick, result, table
from bench.frames import RATE_HZ, context_frames, plant_document
from bench.growth import Growth, watch_growth
from bench.subjects.job import Job

_QUIX_OUTPUT = "bench.quix-windows"
_SAME = [Aggregate.MEAN, Aggregate.STD, Aggregate.MIN, Aggregate.MAX]
#: Windows are counted until this share of them is seen; the last of each machine stay open.
_SEEN = 0.9


async def _fill(on: Bus, count: int) -> None:
    await ensure_topics(on.kafka, on.plant)
    topic = topic_name(on.plant, Stage.CONTEXT)
    await fill(on.kafka, topic, lambda first, n: context_frames(on.plant, first, n), count)


async def _service(on: Bus, count: int) -> Growth:
    with child(on, "services.feature") as service:
        output = topic_name(on.plant, Stage.FEATURE)
        return await watch_growth(on.kafka, output, int(_SEEN * count / RATE_HZ), [service])


async def _quix(on: Bus, count: int) -> Growth:
    await create_topics(on.kafka, _QUIX_OUTPUT)
    with child(on, "bench.subjects.quix_streams", [Job.WINDOW, _QUIX_OUTPUT, str(on.directory)]) as peer:
        return await watch_growth(on.kafka, _QUIX_OUTPUT, int(_SEEN * count / RATE_HZ), [peer])


async def _with_all(count: int) -> Growth:
    with bus(plant_document()) as on:
        await _fill(on, count)
        return await _service(on, count)


async def _with_four(count: int, quix_count: int) -> tuple[Growth, Growth]:
    with bus(plant_document(aggregates=_SAME)) as on:
        await _fill(on, count)
        return await _service(on, count), await _quix(on, quix_count)


def main() -> None:
    count, quix_count, rounds = (300_000, 100_000, 1) if is_quick(__doc__ or "") else (1_000_000, 200_000, 3)
    full = [asyncio.run(_with_all(count)) for _ in range(rounds)]
    four, quix = zip(*(asyncio.run(_with_four(count, quix_count)) for _ in range(rounds)), strict=True)
    rows = (
        (f"feature service, {len(Aggregate)} aggregates", full, count),
        (f"feature service, {len(_SAME)} aggregates", four, count),
        (f"Quix Streams, the same {len(_SAME)}", quix, quix_count),
    )
    table(
        "Context frames of 8 tags into windows of 1 s, in one process",
        ("", "frames/s", "CPU us/frame", "frames", "window s"),
        [
            (
                name,
                f"{statistics.median(_frames_per_s(grown)):,.0f}",
                f"{statistics.median(each.cpu_us() / RATE_HZ for each in grown):.1f}",
                f"{size:,}",
                f"{statistics.median(each.window_s for each in grown):.1f}",
            )
            for name, grown, size in rows
        ],
    )
    ratios = [ours / theirs for ours, theirs in zip(_frames_per_s(four), _frames_per_s(quix), strict=True)]
    result(
        "feature",
        frames_per_s=statistics.median(_frames_per_s(full)),
        ratio_quix=statistics.median(ratios),
        ratio_quix_cpu=statistics.median(peer.cpu_us() / ours.cpu_us() for ours, peer in zip(four, quix, strict=True)),
        quix_frames_per_s=statistics.median(_frames_per_s(quix)),
    )


def _frames_per_s(grown: Iterable[Growth]) -> list[float]:
    return [each.rate() * RATE_HZ for each in grown]


if __name__ == "__main__":
    main()
