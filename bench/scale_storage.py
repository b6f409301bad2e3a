"""`bench.scale`: how much room frames and what is made of them take on the broker, in the database and in the lake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from pydantic import BaseModel

from andon.database import Database, connect, migrate
from andon.settings import DatabaseSettings
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.child import child
from bench.common import BenchError, Bus

#: Stages whose volume grows with the machines; alerts and reports are few.
_STAGES = (Stage.RAW, Stage.CONTEXT, Stage.FEATURE, Stage.INFERENCE)
_SAMPLE_S = 0.5
_PATIENCE_S = 300.0
#: Codec of Kafka's record batches: none, and gzip (which needs no further package).
_PLAIN, _GZIP = 0, 1
_BATCH_RECORDS = 500
_ROWS = "SELECT coalesce(sum(rows), 0)::bigint FROM history.extent WHERE stage = $1"
#: Tables with their indexes and what is stored out of line; partitions lie in a schema of their own.
_SIZES = """
    SELECT split_part(parent.relname, '_', 1) AS stage, sum(pg_total_relation_size(part.inhrelid))::bigint AS bytes
    FROM pg_inherits part JOIN pg_class parent ON parent.oid = part.inhparent
    WHERE parent.relnamespace = 'history'::regnamespace AND parent.relkind = 'p' GROUP BY 1"""


class Storage(BaseModel):
    """Room that one frame takes, with what is made of it: bytes a frame, by stage.

    Attributes:
        tags: numbers in a frame.
        kafka: on one replica of the broker, keys, headers and batches included, not compressed.
        kafka_gzip: the same with `compression` gzip.
        database: in PostgreSQL without TimescaleDB, indexes included.
        lake: in Parquet files (raw frames only).
        historian_cpu_us: processor time of the historian a frame, the frame's share of all stages included.
        historian_bytes: its resident memory behind the last frame.
    """

    tags: int
    kafka: dict[str, float]
    kafka_gzip: dict[str, float]
    database: dict[str, float]
    lake: float
    historian_cpu_us: float
    historian_bytes: int


async def measure_storage(on: Bus, dsn: str, frames: int, tags: int) -> Storage:
    """Let the historian keep all that lies in the topics, and take the sizes of everything."""
    kafka = {stage: await _kafka_bytes(on, stage) for stage in _STAGES}
    settings = DatabaseSettings.model_validate({"dsn": dsn})
    lake = on.directory / "lake"
    async with connect(settings) as database:
        await migrate(database)
        cpu_seconds, resident = await _keep(on, database, dsn, lake, frames)
        sizes = {str(row["stage"]): int(row["bytes"]) for row in await database.fetch(_SIZES)}
    files = sum(file.stat().st_size for file in lake.rglob("*.parquet"))
    return Storage(
        tags=tags,
        kafka={stage: size / frames for stage, (size, _) in kafka.items()},
        kafka_gzip={stage: size / frames for stage, (_, size) in kafka.items()},
        database={stage: sizes[stage] / frames for stage in _STAGES},
        lake=files / frames,
        historian_cpu_us=cpu_seconds / frames * 1e6,
        historian_bytes=resident,
    )


async def _keep(on: Bus, database: Database, dsn: str, lake: Path, frames: int) -> tuple[float, int]:
    """Run the historian until the database has all frames, and return its processor time and resident bytes.

    The lake's hour is written when the service stops.
    """
    where = {"ANDON_DATABASE__DSN": dsn, "ANDON_HISTORIAN__LAKE__DIRECTORY": str(lake)}
    with child(on, "services.historian", environment=where) as service:
        await service.ready(_PATIENCE_S)
        used = service.cpu_seconds
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            kept = {stage: int(await database.fetchval(_ROWS, stage.value)) for stage in _STAGES}
            if min(kept[Stage.RAW], kept[Stage.CONTEXT]) >= frames and min(kept.values()) > 0:
                break
            service.check()
            if time.monotonic() > deadline:
                raise BenchError(f"of {frames:,} frames the historian has kept {kept} in time")
            await asyncio.sleep(_SAMPLE_S)
        await asyncio.sleep(2 * _SAMPLE_S)  # documents that came last
        return service.cpu_seconds - used, service.resident_bytes


async def _kafka_bytes(on: Bus, stage: Stage) -> tuple[int, int]:
    """Return the size of a stage's records in batches of Kafka's format, plain and gzipped."""
    sizes = [0, 0]
    waiting = []
    async for record in read_to_end(on.kafka, topic_name(on.plant, stage), range(on.kafka.partitions)):
        waiting.append((record.timestamp, record.key, record.value, record.headers))
        if len(waiting) == _BATCH_RECORDS:
            sizes = [size + _batch_bytes(waiting, codec) for size, codec in zip(sizes, (_PLAIN, _GZIP), strict=True)]
            waiting.clear()
    if waiting:
        sizes = [size + _batch_bytes(waiting, codec) for size, codec in zip(sizes, (_PLAIN, _GZIP), strict=True)]
    return sizes[0], sizes[1]


def _batch_bytes(records: Sequence[tuple[int, bytes, bytes, Sequence[tuple[str, bytes]]]], codec: int) -> int:
    batch = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 2**30)
    for offset, (timestamp, key, value, headers) in enumerate(records):
        batch.append(offset, timestamp, key, value, list(headers))
    return len(batch.build())
