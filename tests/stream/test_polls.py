"""How much is read at once while a stage is at work."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import polars as pl

from andon.settings import KafkaSettings
from andon.stream import Result, StageSpec
from andon.uns import Stage

from .bus import PassThrough, frame, line, plant, reading, send, settings, site_ready, stage_topic, working


@dataclass
class Slow(PassThrough):
    """Holds its first batch until it is told to go on."""

    batches: list[int] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        self.batches.append(rows.height)
        self.begun.set()
        assert self.go_on.wait(30)
        return super().process(asset_class, rows, now)


async def test_what_comes_while_a_stage_is_at_work_is_read_at_once_and_not_in_small_batches(
    kafka: KafkaSettings, site: str
) -> None:
    model, slow = plant(site), Slow()
    spec = StageSpec("slow", Stage.RAW, (Stage.CONTEXT,), lambda _, __: slow)
    await site_ready(kafka, model)
    async with (
        working(spec, model, settings(kafka, linger=1_000)),
        reading(kafka, stage_topic(model, Stage.CONTEXT)) as sent_on,
    ):
        for number in range(100):
            await send(kafka, stage_topic(model, Stage.RAW), [line(frame("line/pump-1", number))])
            await asyncio.to_thread(slow.begun.wait, 30)
        slow.go_on.set()
        await sent_on.events(100)
    # The first; what was polled when it had begun; what the consumer had fetched by then; all others.
    assert len(slow.batches) <= 4
    assert sum(slow.batches) == 100
