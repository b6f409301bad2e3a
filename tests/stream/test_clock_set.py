"""The machine's clock is set by an hour while a worker runs: nobody has been silent for that, and commits go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import pytest

from andon.clock import SECOND, Steps, wall_clock
from andon.settings import KafkaSettings
from andon.stream import Emit, Processor, Result, StageSpec
from andon.stream.publish import partition_of
from andon.stream.stage import State
from andon.stream.topics import changelog_name
from andon.stream.worker import Worker
from andon.uns import Stage

from .bus import at_work, frame, line, one_to_one, plant, reading, send, settings, site_ready, stage_topic

HOUR = 3_600 * SECOND
ASSET = "line/pump-1"


class Watching:
    """Passes frames on, and notes how long silence seems to have lasted."""

    def __init__(self, silences: list[int]) -> None:
        self._silences = silences

    def process(self, _: str, rows: pl.DataFrame, now: int) -> Result:
        return Result((Emit(Stage.CONTEXT, one_to_one(rows)),))

    def tick(self, now: int, caught_up_since: int) -> Result:
        self._silences.append(now - caught_up_since)
        return Result()

    def needed_from(self) -> int | None:
        return None


def test_a_step_is_told_once_and_the_passing_of_time_is_none() -> None:
    wall, steady = 5 * HOUR, 0
    steps = Steps(lambda: wall, lambda: steady)
    wall, steady = wall + SECOND, steady + SECOND
    assert steps.look() == (wall, 0)
    for by in (HOUR, -2 * HOUR):
        wall, steady = wall + SECOND + by, steady + SECOND
        assert steps.look() == (wall, by)
        assert steps.look() == (wall, 0)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
async def test_a_clock_that_is_set_makes_no_silence_and_puts_off_no_commit(
    kafka: KafkaSettings, site: str, step: int
) -> None:
    model, ahead = plant(site), 0
    silences: list[int] = []

    def clock() -> int:
        return wall_clock() + ahead

    def opened(_: Mapping[str, State], __: int) -> Processor:
        return Watching(silences)

    spec = StageSpec("watching", Stage.RAW, (Stage.CONTEXT,), opened, stateful=True)
    worker = Worker(spec, model, settings(kafka, tick=100_000), clock=clock)
    await site_ready(kafka, model)
    number = partition_of(ASSET.encode(), kafka.partitions)
    async with at_work(worker.run), reading(kafka, changelog_name(model, "watching")) as kept:
        for index in range(4):
            await send(kafka, stage_topic(model, Stage.RAW), [line(frame(ASSET, index))])
            await kept.until(_reached(index + 1))
            await _ticks(silences)
            ahead += step
    assert worker.metrics.registry.get_sample_value(
        "andon_committed_offset", {"service": "watching", "partition": str(number)}
    )
    assert silences
    assert max(silences) < HOUR


def _reached(wanted: int) -> Callable[[list[Any]], bool]:
    return lambda records: _position(records) >= wanted


def _position(records: list[Any]) -> int:
    return max((int(record.value) for record in records), default=0)


async def _ticks(silences: list[int]) -> None:
    """Return when time has passed for the stage since the call."""
    before = len(silences)
    async with asyncio.timeout(60):
        while len(silences) < before + 3:
            await asyncio.sleep(0.05)
