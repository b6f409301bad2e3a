"""Machines that tell the bus what they measure, many times faster than they would."""

from __future__ import annotations

import asyncio
import time

import polars as pl

from andon.clock import SECOND, wall_clock
from andon.contracts import Origin
from andon.contracts.base import CONTRACT_VERSION
from andon.contracts.ids import event_ids
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.publish import publishing
from andon.stream.topics import topic_name
from andon.uns import Stage

#: How much event time is sent at once.
_SLICE = 20 * SECOND
_SESSION = "play"


async def tell(kafka: KafkaSettings, plant: Plant, frames: pl.DataFrame, speed: float) -> None:
    """Put frames on the bus as live ones; return when the broker has them all.

    Args:
        kafka: how to reach the broker.
        plant: the plant model.
        frames: asset, time and values, by time.
        speed: seconds of event time in a second.
    """
    began, first = time.monotonic(), int(str(frames["time"].min()))
    async with publishing(kafka, topic_name(plant, Stage.RAW)) as publisher:
        for part in frames.with_columns(slice=(pl.col("time") - first) // _SLICE).partition_by("slice"):
            due = began + (int(part["time"][0]) - first) / SECOND / speed
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await publisher.publish(_as_events(part))


def _as_events(frames: pl.DataFrame) -> pl.DataFrame:
    return frames.select(
        event_ids(Stage.RAW, CONTRACT_VERSION),
        "asset",
        "time",
        ingest_time=pl.lit(wall_clock()),
        origin=pl.lit(Origin.LIVE.value),
        session=pl.lit(_SESSION),
        sequence=pl.col("time") // SECOND,
        values="values",
    )
