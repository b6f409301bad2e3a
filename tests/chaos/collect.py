"""Reads what the services have written: topics, tables and the lake, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer

from andon.clock import to_micros
from andon.lake import read_raw
from andon.plant import AssetClass, Plant
from andon.stream.reading import reader
from andon.uns import Stage
from tests.chaos.expected import content
from tests.faults.processes import Site

#: An event with its id.
Named = tuple[str, Mapping[str, Any]]
_POLL_MS = 300


@dataclass
class Topic:
    """A topic that is read on and on.

    Attributes:
        events: all that has been read, in each partition's order.
    """

    consumer: AIOKafkaConsumer
    events: list[dict[str, Any]] = field(default_factory=list)

    async def read(self) -> None:
        """Read what has come."""
        while polled := await self.consumer.getmany(timeout_ms=_POLL_MS):
            self.events += [orjson.loads(record.value) for records in polled.values() for record in records]

    @property
    def named(self) -> list[Named]:
        return [(event["id"], content(event)) for event in self.events]

    def since(self, moment: int) -> list[Named]:
        """Return the events that are not older, microseconds UTC."""
        return [(name, event) for name, event in self.named if event["time"] >= moment]


@asynccontextmanager
async def topics(site: Site, *stages: Stage) -> AsyncIterator[dict[Stage, Topic]]:
    """Open topics of a site, to be read from their beginnings."""
    async with AsyncExitStack() as stack:
        numbers = range(site.kafka.partitions)
        yield {
            stage: Topic(await stack.enter_async_context(reader(site.kafka, site.topic(stage), numbers)))
            for stage in stages
        }


async def documents(dsn: str, stage: Stage, plant: Plant) -> list[Named]:
    """Return the events that the history keeps of a stage whose events are documents."""
    return [
        (row["id"], content(orjson.loads(row["document"])))
        for row in await _rows(dsn, f'SELECT id, document FROM history."{stage}" WHERE asset = ANY($1)', plant)
    ]


async def frames(dsn: str, stage: Stage, asset_class: str, plant: Plant) -> list[Named]:
    """Return the values that the history keeps of a stage whose events are frames; asset and time are their id."""
    tags = ", ".join(f'"tag_{tag}" AS "{tag}"' for tag in plant.classes[asset_class].tags)
    table = f'history."{stage}_{asset_class}"'
    query = f"SELECT path, time, {tags} FROM {table} JOIN andon.asset_path USING (asset_id) WHERE path = ANY($1)"
    return [
        (f"{row['path']}@{to_micros(row['time'])}", {tag: row[tag] for tag in plant.classes[asset_class].tags})
        for row in await _rows(dsn, query, plant)
    ]


async def _rows(dsn: str, query: str, plant: Plant) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(query, list(plant.assets))
        return rows
    finally:
        await connection.close()


def lake_frames(lake: Path, name: str, asset_class: AssetClass) -> list[Named]:
    """Return the values of all frames in the lake, as training reads it; asset and time are their id."""
    rows = read_raw(lake, name, asset_class, since=None, until=None).select("asset", "time", "values")
    return [(f"{asset}@{time}", values) for asset, time, values in rows.iter_rows()]
