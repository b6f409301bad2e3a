"""The historian's database as training reads it: raw frames, people's verdicts, and what was told of the plant.

What it gives is what the other sources give (`andon.lake.read_raw`, files of intervals and events), so a dataset is the
same wherever it was read. The tables are described in docs/historian.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import orjson
import polars as pl
from pydantic import ValidationError

from andon.clock import to_datetime, to_micros
from andon.contracts import Frame, PlantEvent
from andon.database import Database
from andon.database.names import quoted, shortened, tag_column
from andon.database.relation import columns_of
from andon.errors import ConfigError
from andon.plant import AssetClass
from andon.plant.columns import event_schema

#: Months of frames take their time; PostgreSQL gives them in one statement.
_LONGEST_S = 3_600.0
_EPOCH, _END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_INTERVALS = {"asset": pl.String(), "start": pl.Int64(), "end": pl.Int64()}
_REAL = """
SELECT DISTINCT alert, asset, since, coalesce(resolved, now()) AS until FROM history.alert_labels
WHERE class = $1 AND verdict = 'real' AND since IS NOT NULL ORDER BY asset, since, alert
"""
_TOLD = """
SELECT id, revision, kind, place, name, attributes, valid_from, valid_to FROM andon.plant_event
WHERE recorded_to IS NULL ORDER BY sequence
"""


async def read_history(
    database: Database, name: str, asset_class: AssetClass, *, since: int | None, until: int | None
) -> pl.DataFrame:
    """Read raw frames of a class from the history, into memory.

    Args:
        database: the historian's.
        name: name of the class.
        asset_class: gives the tags; one that the table does not have is null.
        since: event time of the first frames, microseconds UTC; None begins with the oldest.
        until: event time at which to end (exclusive); None ends with the newest.

    Returns:
        As `andon.lake.read_raw`; no rows if the history has none.

    Raises:
        ConfigError: the database holds no history, or a column does not fit the class.
    """
    schema = event_schema(Frame, asset_class)
    table = f"history.{quoted(shortened(f'raw_{name}'))}"
    there = await columns_of(database, table)
    if not there:
        await _check_history(database)
        return pl.DataFrame(schema={key: schema[key] for key in ("asset", "time", "values", "status")})
    tags = {tag: tag_column(tag) for tag in asset_class.tags if tag_column(tag) in there}
    statement = _frames_statement(table, list(tags.values()))
    span = _EPOCH if since is None else to_datetime(since), _END if until is None else to_datetime(until)
    with tempfile.TemporaryDirectory(prefix="andon-history-") as folder:
        copied = Path(folder) / "frames.csv"
        async with database.acquire() as connection:
            await connection.copy_from_query(
                statement, *span, output=copied, format="csv", header=True, timeout=_LONGEST_S
            )
        return _frames(copied, name, schema, tags)


async def read_verdicts(database: Database, name: str, window: int) -> pl.DataFrame:
    """Return when machines of a class were abnormal, by the alerts that somebody called real.

    An alert counts from the begin of the first window that led to it until it was resolved, or until now.

    Args:
        database: the historian's.
        name: name of the class.
        window: length of the class's windows, microseconds.

    Returns:
        asset, start and end (exclusive), microseconds UTC.

    Raises:
        ConfigError: the database holds no history.
    """
    await _check_history(database)
    rows = await database.fetch(_REAL, name)
    spans = [(row["asset"], to_micros(row["since"]) - window, to_micros(row["until"])) for row in rows]
    return pl.DataFrame(spans, schema=_INTERVALS, orient="row")


async def read_told(database: Database) -> tuple[list[PlantEvent], list[str]]:
    """Return what the plant was told to be like, as it is known now, and which rows cannot be used, with the reason."""
    events, findings = [], []
    for row in await database.fetch(_TOLD):  # a few a minute
        try:
            events.append(told_event(row))
        except ValidationError as error:
            findings.append(f"event {row['id']} cannot be used: {error.errors(include_url=False)[0]['msg']}")
    return events, findings


def told_event(row: asyncpg.Record) -> PlantEvent:
    """Return the event that a row of `andon.plant_event` tells of.

    Raises:
        ValidationError: the contract does not allow it, as of a row that somebody wrote in SQL.
    """
    attributes = {name: _text(value) for name, value in orjson.loads(row["attributes"]).items() if value is not None}
    return PlantEvent(
        id=row["id"],
        time=to_micros(row["valid_from"]),
        end=None if row["valid_to"] is None else to_micros(row["valid_to"]),
        asset=row["place"] or None,
        kind=row["kind"],
        name=row["name"],
        attributes=attributes,
        revision=row["revision"],
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


async def _check_history(database: Database) -> None:
    if not await columns_of(database, "history.alert_labels"):
        raise ConfigError("the database holds no history yet: start the historian on it first")


def _frames_statement(table: str, columns: list[str]) -> str:
    micros = "(extract(epoch FROM time) * 1000000)::bigint AS time"
    selected = ", ".join(["path AS asset", micros, "status", *map(quoted, columns)])
    source = f"{table} AS frame JOIN andon.asset_path USING (asset_id)"
    within = "frame.time >= $1 AND frame.time < $2"
    return f'SELECT {selected} FROM {source} WHERE {within} ORDER BY path COLLATE "C", frame.time'  # noqa: S608


def _frames(file: Path, name: str, schema: Mapping[str, pl.DataType], tags: Mapping[str, str]) -> pl.DataFrame:
    """Return what COPY has written for `_frames_statement`; *tags* are those that have a column, with its name."""
    values = schema["values"]
    kinds = pl.Schema(values.to_schema()) if isinstance(values, pl.Struct) else pl.Schema()
    try:
        # Texts first: booleans are t and f, waveforms are JSON, and numbers are parsed as they were written.
        texts = pl.read_csv(file, schema_overrides={"time": pl.Int64}, infer_schema=False)
        return texts.select(
            "asset",
            "time",
            pl.struct(_value(tags.get(tag), kind).alias(tag) for tag, kind in kinds.items()).alias("values"),
            pl.col("status").str.json_decode(schema["status"]),
        )
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n", 1)[0]
        raise ConfigError(f"the history of class {name} cannot be read as frames of the class: {reason}") from error


def _value(column: str | None, kind: pl.DataType) -> pl.Expr:
    """Return a tag's values from the texts of its column; null where there is none."""
    if column is None:
        return pl.lit(None, kind)
    text = pl.col(column)
    if kind == pl.Boolean:
        return text == "t"
    if isinstance(kind, pl.Struct | pl.List):
        return text.str.json_decode(kind)
    return text.cast(pl.Float64).cast(kind) if kind.is_numeric() else text
