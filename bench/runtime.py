"""The batch runtime against plain Faust: frames that one stage passes on per second."""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass

from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import child
from bench.common import Bus, bus, create_topics, fill, is_quick, result, table
from bench.frames import frames, plant_document
from bench.growth import VISIBLE, watch_growth
from bench.subjects.job import Job

_FAUST_OUTPUT = "bench.faust-pass"


@dataclass(frozen=True, slots=True)
class _Measured:
    frames_per_s: float
    window_s: float
    cpu_us: float


async def _measure(on: Bus, module: str, output: str, count: int, *arguments: str) -> _Measured:
    with child(on, module, arguments) as subject:
        grown = await watch_growth(on.kafka, output, int(VISIBLE * count), [subject])
        return _Measured(grown.rate(), grown.window_s, grown.cpu_us())


async def _round(batch_frames: int, faust_frames: int) -> tuple[_Measured, _Measured]:
    with bus(plant_document()) as on:
        model = on.plant
        await ensure_topics(on.kafka, model)
        await create_topics(on.kafka, _FAUST_OUTPUT)
        await fill(on.kafka, topic_name(model, Stage.RAW), lambda first, n: frames(model, first, n), batch_frames)
        plain = await _measure(
            on, "bench.subjects.faust_plain", _FAUST_OUTPUT, faust_frames, Job.PASS, _FAUST_OUTPUT, str(on.directory)
        )
        batch = await _measure(on, "bench.subjects.batch_pass", topic_name(model, Stage.CONTEXT), batch_frames)
    return batch, plain


def _median(measured: list[_Measured]) -> _Measured:
    return sorted(measured, key=lambda each: each.frames_per_s)[len(measured) // 2]


def main() -> None:
    quick = is_quick(__doc__ or "")
    batch_frames, faust_frames, rounds = (400_000, 25_000, 1) if quick else (1_000_000, 100_000, 3)
    measured = [asyncio.run(_round(batch_frames, faust_frames)) for _ in range(rounds)]
    batch, plain = _median([each for each, _ in measured]), _median([each for _, each in measured])
    ratio = statistics.median(each.frames_per_s / other.frames_per_s for each, other in measured)
    table(
        "Frames of 8 tags passed on by one stage, in one process",
        ("", "frames/s", "CPU us/frame", "frames", "window s"),
        [
            (name, f"{each.frames_per_s:,.0f}", f"{each.cpu_us:.1f}", f"{count:,}", f"{each.window_s:.1f}")
            for name, each, count in (("batch runtime", batch, batch_frames), ("Faust agent", plain, faust_frames))
        ],
    )
    result(
        "runtime",
        ratio_faust=ratio,
        ratio_faust_cpu=plain.cpu_us / batch.cpu_us,
        frames_per_s=batch.frames_per_s,
        faust_frames_per_s=plain.frames_per_s,
    )


if __name__ == "__main__":
    main()
