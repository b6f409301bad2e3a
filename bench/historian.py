"""The historian: merging frames into the history against a bare COPY of the same rows, again, and end to end."""

from __future__ import annotations

import asyncio
import io
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from andon.contracts import Frame
from andon.database import Database, connect, migrate
from andon.plant.columns import event_schema
from andon.settings import DatabaseSettings
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import child
from bench.common import BenchError, Bus, bus, fill, is_quick, result, table
from bench.frames import CLASS, TAGS, frames, plant_document
from sandbox.database import embedded_database
from services.historian.archive import Archive, days_of, open_archive
from services.historian.rows import RECORD, encode_rows, frame_rows, newest
from services.historian.settings import HistorianSettings
from services.historian.tables import Table

#: Frames that the service writes at once.
_BATCH = HistorianSettings().flush_records
_SAMPLE_S = 0.1
_PATIENCE_S = 300.0
_COUNT = "SELECT coalesce(sum(rows), 0)::bigint FROM history.extent WHERE stage = 'raw'"


@dataclass
class _Seconds:
    """What each batch took: merged by us, copied into a table with the same key, into one without any, read again."""

    ours: list[float] = field(default_factory=list)
    keyed: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


async def _merge(on: Bus, database: Database, batches: int) -> _Seconds:
    archive = await open_archive(database, on.plant, datetime.now(UTC))
    target = archive.tables[Stage.RAW, CLASS]
    await database.execute(f"CREATE TABLE keyed (LIKE {target.sql_name}, PRIMARY KEY (asset_id, time))")
    await database.execute(f"CREATE TABLE bare (LIKE {target.sql_name})")
    schema = event_schema(Frame, on.plant.classes[CLASS]) | {"partition": pl.Int32()}
    decoded = [_decoded(frames(on.plant, n * _BATCH, _BATCH), schema) for n in range(batches)]
    took = _Seconds()
    for batch in decoded:  # one after the other, so that a busy machine is busy for all of them
        took.ours.append(await _write(archive, target, batch))
        rows = encode_rows(target, frame_rows(target, batch, archive.asset_ids)).csv
        took.keyed.append(await _copy(database, "keyed", target, rows))
        took.bare.append(await _copy(database, "bare", target, rows))
    before = await database.fetchval(f"SELECT count(*) FROM {target.sql_name}")
    took.again = [await _write(archive, target, batch) for batch in decoded]
    if not before == await database.fetchval(f"SELECT count(*) FROM {target.sql_name}") == batches * _BATCH:
        raise BenchError("reading everything again has changed the number of rows")
    return took


def _decoded(rows: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(schema=schema), rows], how="diagonal").with_row_index(RECORD)


async def _write(archive: Archive, target: Table, batch: pl.DataFrame) -> float:
    """Return how long it takes from decoded frames to the commit."""
    before = time.perf_counter()
    rows = newest(target, frame_rows(target, batch, archive.asset_ids))
    await archive.write(target, encode_rows(target, rows), days_of(rows))
    return time.perf_counter() - before


async def _copy(database: Database, name: str, target: Table, csv: bytes) -> float:
    before = time.perf_counter()
    async with database.acquire() as connection:
        await connection.copy_to_table(name, source=io.BytesIO(csv), columns=list(target.columns), format="csv")
    return time.perf_counter() - before


async def _end_to_end(on: Bus, database: Database, dsn: str, count: int) -> float:
    """Return frames a second from the raw topic into database and lake, counted behind the first tenth."""
    await ensure_topics(on.kafka, on.plant)
    raw = topic_name(on.plant, Stage.RAW)
    # Later than what the merge has written, so that every frame is new.
    await fill(on.kafka, raw, lambda first, n: frames(on.plant, 10 * count + first, n), count)
    begin = int(await database.fetchval(_COUNT))
    lake = {"ANDON_DATABASE__DSN": dsn, "ANDON_HISTORIAN__LAKE__DIRECTORY": str(on.directory / "lake")}
    samples: list[tuple[float, int]] = []
    with child(on, "services.historian", environment=lake) as service:
        deadline = time.monotonic() + _PATIENCE_S
        while not samples or samples[-1][1] < count:
            service.check()
            if time.monotonic() > deadline:
                raise BenchError(f"{samples[-1][1]:,} of {count:,} frames were kept in time")
            samples.append((time.monotonic(), int(await database.fetchval(_COUNT)) - begin))
            await asyncio.sleep(_SAMPLE_S)
    start = next(sample for sample in samples if sample[1] >= 0.1 * count)
    return (samples[-1][1] - start[1]) / (samples[-1][0] - start[0])


async def _measure(on: Bus, dsn: str, batches: int, count: int) -> tuple[_Seconds, float]:
    settings = DatabaseSettings.model_validate({"dsn": dsn})
    async with connect(settings) as database:
        await migrate(database)
        merged = await _merge(on, database, batches)
        return merged, await _end_to_end(on, database, dsn, count)


def main() -> None:
    batches, count = (10, 200_000) if is_quick(__doc__ or "") else (40, 600_000)
    with bus(plant_document()) as on, embedded_database(Path(on.directory) / "database") as dsn:
        took, rate = asyncio.run(_measure(on, dsn, batches, count))
    values = batches * _BATCH * len(TAGS)
    rates = {name: values / sum(seconds) for name, seconds in vars(took).items()}
    ratios = {
        name: statistics.median(ours / theirs for ours, theirs in zip(took.ours, others, strict=True))
        for name, others in (("keyed", took.keyed), ("bare", took.bare))
    }
    table(
        f"{batches} batches of {_BATCH:,} raw frames with {len(TAGS)} tags",
        ("", "values/s", "time of ours"),
        [
            ("merged into the history", f"{rates['ours']:,.0f}", ""),
            ("COPY into a table with the same key", f"{rates['keyed']:,.0f}", f"{ratios['keyed']:.2f} x"),
            ("COPY into a table without any index", f"{rates['bare']:,.0f}", f"{ratios['bare']:.2f} x"),
            ("merged again, of no effect", f"{rates['again']:,.0f}", ""),
            ("from the topic into database and lake", f"{rate * len(TAGS):,.0f}", ""),
        ],
    )
    result(
        "historian",
        values_per_s=rates["ours"],
        ratio_copy=ratios["keyed"],
        ratio_copy_without_index=ratios["bare"],
        replay_values_per_s=rates["again"],
        end_to_end_values_per_s=rate * len(TAGS),
    )


if __name__ == "__main__":
    main()
