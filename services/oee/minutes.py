"""The minutes that frames have touched, computed anew from the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import numpy as np
import orjson
import polars as pl

from andon.clock import to_datetime, to_micros
from andon.database.names import quoted, tag_column
from andon.plant import AssetClass, Plant, TagKind
from andon.production.oee import MINUTES, Floats, minutes
from andon.quality.marks import levels

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection
_AT_ONCE = 5_000
_TAKE = f"""
DELETE FROM oee.touched_minute WHERE (asset_id, minute) IN (
    SELECT asset_id, minute FROM oee.touched_minute ORDER BY minute LIMIT {_AT_ONCE} FOR UPDATE SKIP LOCKED)
RETURNING asset_id, minute
"""  # noqa: S608 - constants only
_DROP = """
DELETE FROM oee.minute m USING unnest($1::integer[], $2::timestamptz[]) AS n(asset_id, minute)
WHERE (m.asset_id, m.minute) = (n.asset_id, n.minute)
RETURNING m.asset_id, m.shift
"""
_TABLE = """
SELECT DISTINCT relation FROM history.extent WHERE stage = 'context' AND class = $1
"""
_PATHS = "SELECT asset_id, path FROM andon.asset_path WHERE asset_id = ANY($1)"
_STATE_TYPES = {TagKind.BOOLEAN: pl.Boolean(), TagKind.STATE: pl.String(), TagKind.WAVEFORM: pl.String()}

#: Number of an asset, and name of one of its shifts.
AssetShift = tuple[int, str]


@dataclass(frozen=True, slots=True)
class _Samples:
    """Samples of stored frames: good are those that have no mark."""

    level: pl.DataFrame
    quality: Sequence[Mapping[str, str]]

    def good(self, tag: str) -> Floats:
        level = self.level[tag].cast(pl.Float64).to_numpy()
        marked = np.array([bool(marks.get(tag)) for marks in self.quality], np.bool_)
        return np.where(marked, np.nan, level)


async def watch_tables(connection: Connection, plant: Plant) -> dict[str, str]:
    """See to it that new frames of the classes with production touch their minutes.

    Returns:
        Class to the table of its context frames; a class without one has no history yet.
    """
    tables = {}
    for name, asset_class in plant.classes.items():
        relation = await connection.fetchval(_TABLE, name) if asset_class.production else None
        if relation is None:
            continue
        tables[name] = relation
        await connection.execute(
            f"CREATE OR REPLACE TRIGGER oee_touch AFTER INSERT ON {relation} REFERENCING NEW TABLE AS new_frames "
            "FOR EACH STATEMENT EXECUTE FUNCTION oee.touch()"
        )
    return tables


async def touch_everything(connection: Connection, relation: str) -> None:
    """Touch all minutes of a table, as for one that was written before anybody watched it."""
    await connection.execute(
        f"INSERT INTO oee.touched_minute SELECT DISTINCT asset_id, date_trunc('minute', time) FROM {relation} "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )


async def refresh_minutes(
    connection: Connection, plant: Plant, tables: Mapping[str, str]
) -> tuple[set[AssetShift], dict[int, str]] | None:
    """Compute some touched minutes anew, inside a transaction.

    Returns:
        The shifts that they are or were in, and the paths of their assets; None when no minute was touched.
    """
    touched = await connection.fetch(_TAKE)
    if not touched:
        return None
    ids, times = [row["asset_id"] for row in touched], [row["minute"] for row in touched]
    paths = {row["asset_id"]: row["path"] for row in await connection.fetch(_PATHS, list(set(ids)))}
    changed = {(row["asset_id"], row["shift"]) for row in await connection.fetch(_DROP, ids, times)}
    for name, relation in tables.items():
        of = [at for at, number in enumerate(ids) if plant.class_of(paths[number]) == name]
        if of:
            wanted = [ids[at] for at in of], [times[at] for at in of]
            frames = await connection.fetch(_frames_sql(relation, plant.classes[name]), *wanted)
            rows = _minutes(plant.classes[name], plant.time_zone, frames, *wanted)
            await connection.copy_records_to_table(
                "minute", schema_name="oee", columns=list(MINUTES), records=_records(rows)
            )
            changed |= set(rows.select("asset_id", "shift").unique().iter_rows())
    return changed, paths


def _frames_sql(relation: str, asset_class: AssetClass) -> str:
    """Return the query for the frames of some minutes, and for the one before and the one after each."""
    columns = ", ".join(quoted(tag_column(tag)) for tag in asset_class.tags)
    columns = f"asset_id, time, shift, product, machine_state, quality::text, {columns}"
    return f"""
SELECT DISTINCT f.* FROM unnest($1::integer[], $2::timestamptz[]) AS m(number, minute)
CROSS JOIN LATERAL (
    (SELECT {columns} FROM {relation} WHERE asset_id = number AND time < minute ORDER BY time DESC LIMIT 1)
    UNION ALL
    (SELECT {columns} FROM {relation} WHERE asset_id = number AND time >= minute AND time < minute + interval '1 min')
    UNION ALL
    (SELECT {columns} FROM {relation} WHERE asset_id = number AND time >= minute + interval '1 min'
     ORDER BY time LIMIT 1)
) AS f ORDER BY asset_id, time
"""  # noqa: S608 - names are quoted, and come from the plant model


def _minutes(
    asset_class: AssetClass,
    time_zone: str,
    found: Sequence[asyncpg.Record],
    ids: Sequence[int],
    times: Sequence[datetime],
) -> pl.DataFrame:
    """Return the rows of the wanted minutes of one class."""
    frames = pl.DataFrame([tuple(row) for row in found], schema=_schema(asset_class), orient="row")
    frames = frames.with_columns(pl.col("time").dt.epoch("us"))
    level = frames.select(list(asset_class.tags)).select(levels(asset_class))
    quality = [orjson.loads(marks) if marks else {} for marks in frames["quality"]]
    local = pl.from_epoch("time", "us").dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)
    # Without shifts, the local day stands for one.
    periods = frames.with_columns(pl.col("shift").fill_null(local.dt.strftime("%Y-%m-%d")))
    rows = minutes(asset_class, periods, _Samples(level, quality))
    wanted = pl.DataFrame(
        {"asset_id": ids, "minute": [to_micros(time) for time in times]},
        schema={"asset_id": pl.Int64, "minute": pl.Int64},
    )
    return rows.join(wanted, on=["asset_id", "minute"], how="semi")


def _schema(asset_class: AssetClass) -> dict[str, pl.DataType]:
    fixed: dict[str, pl.DataType] = {"asset_id": pl.Int64(), "time": pl.Datetime("us", "UTC")}
    texts = dict.fromkeys(("shift", "product", "state", "quality"), pl.String())
    tags = {tag: _STATE_TYPES.get(spec.kind, pl.Float64()) for tag, spec in asset_class.tags.items()}
    return {**fixed, **texts, **tags}


def _records(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    place = list(MINUTES).index("minute")
    return [(*row[:place], to_datetime(row[place]), *row[place + 1 :]) for row in rows.iter_rows()]
