"""Publishes feature vectors at a steady rate until it is ended: `BATCH_ROWS` of them every `INTERVAL_S`."""

from __future__ import annotations

import asyncio
import itertools
import time

from andon.plant.load import load_plant
from andon.settings import Settings, read_settings
from andon.stream.publish import publishing
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.vectors import Vectors

BATCH_ROWS, INTERVAL_S = 100, 0.05


async def _run(settings: Settings) -> None:
    plant = load_plant(settings.plant)
    vectors = Vectors(plant)
    async with publishing(settings.kafka, topic_name(plant, Stage.FEATURE)) as publisher:
        begun = time.monotonic()
        print("publishing", int(BATCH_ROWS / INTERVAL_S), flush=True)
        for turn in itertools.count():
            rows = vectors.events(turn * BATCH_ROWS, BATCH_ROWS)
            await asyncio.sleep(begun + turn * INTERVAL_S - time.monotonic())
            await publisher.publish(rows)


if __name__ == "__main__":
    asyncio.run(_run(read_settings(Settings)))
