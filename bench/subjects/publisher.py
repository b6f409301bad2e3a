"""Publishes raw frames as they would come live: every machine one frame every tick, on time or as late as need be.

A frame's ingest time is when it was due, so that a publisher that falls behind makes latencies longer, not shorter.
"""

from __future__ import annotations

import asyncio
import sys

from andon.clock import SECOND, wall_clock
from andon.plant.load import load_plant
from andon.settings import Settings, read_settings
from andon.stream.producer import BatchProducer
from andon.stream.publish import Publisher
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.frames import RATE_HZ, frames


async def _run(settings: Settings, machines: int, seconds: int) -> None:
    plant = load_plant(settings.plant)
    producer = BatchProducer(settings.kafka)
    await producer.start()
    publisher = Publisher(producer, topic_name(plant, Stage.RAW), settings.kafka.partitions)
    start = (wall_clock() // SECOND + 1) * SECOND
    for turn in range(seconds * RATE_HZ):
        rows = frames(plant, turn * machines, machines, machines=machines, start=start)
        await asyncio.sleep((start + turn * SECOND // RATE_HZ - wall_clock()) / SECOND)
        await publisher.publish(rows)
    await producer.stop()
    print("published", start, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(read_settings(Settings), int(sys.argv[1]), int(sys.argv[2])))
