"""Decoded events as rows of their tables: values in, values out."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from andon.contracts import Action, Origin
from andon.uns import Stage
from services.historian.tables import CONTEXT_COLUMNS, TIMESTAMP, Table

#: Where a row was read, beside its table's columns: number of the record in its batch.
RECORD = "record"
#: Rows that Polars encodes at a time.
_CSV_ROWS = 4_096
#: Columns of documents that lie inside a field of the event, have another name there, or may be left out.
_WITHIN = {
    "action": pl.col("action").fill_null(Action.VERDICT.value),
    "flapping": pl.col("flapping").fill_null(value=False),
    "class": pl.col("asset_class"),
    "model": pl.col("model").struct.field("name"),
    "model_version": pl.col("model").struct.field("version"),
}
#: Fields of events that are not needed as columns; they are not even parsed.
UNPARSED: Mapping[Stage, tuple[str, ...]] = {
    Stage.RAW: ("id",),
    Stage.CONTEXT: ("id", "server_time", "status", "carried", "units", "limits"),
    Stage.FEATURE: ("features", "context"),
    Stage.INFERENCE: ("contributions", "limit_violations", "context"),
    Stage.ALERT: ("contributions", "limit_violations", "context", "causes", "acknowledged"),
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table, as COPY takes them.

    Attributes:
        csv: columns of the table in its order, without a header; no two rows have the same key.
        count: how many they are.
        first: lowest time.
        last: highest time.
    """

    csv: bytes
    count: int
    first: datetime
    last: datetime


def frame_rows(table: Table, events: pl.DataFrame, asset_ids: Mapping[str, int]) -> pl.DataFrame:
    """Return raw or context frames as rows of their class's table, and column `RECORD`.

    Args:
        table: of `frame_table`.
        events: columns of the contract for the class, `RECORD`.
        asset_ids: asset path to its number in the database.
    """
    values = [_value(table, column, pl.col("values").struct.field(tag)) for tag, column in table.tags.items()]
    if table.stage is Stage.CONTEXT:
        context = pl.col("context")
        about = [
            *(context.struct.field(name) for name in CONTEXT_COLUMNS),
            _marks(events["quality"]),
            pl.col("quality_score"),
            pl.col("plant"),
        ]
    else:
        about = [_marks(events["status"])]
    return events.select(*_common(asset_ids), "session", "sequence", *about, *values, RECORD).select(
        *_times(table), RECORD
    )


def document_rows(
    table: Table, events: pl.DataFrame, asset_ids: Mapping[str, int], documents: Sequence[bytes | None]
) -> pl.DataFrame:
    """Return events as rows of their stage's table, and column `RECORD`.

    Args:
        table: of `document_table`.
        events: columns of the contract, `RECORD`.
        asset_ids: asset path to its number in the database.
        documents: the JSON text of each record of the batch.
    """
    text = pl.Series("document", [documents[number] for number in events[RECORD]], pl.Binary).cast(pl.String)
    taken = {"id", "asset", "asset_id", "time", "revision", "ingest_time", "origin", "document"}
    about = [_WITHIN.get(name, pl.col(name)).alias(name) for name in table.columns if name not in taken]
    return events.select("id", *_common(asset_ids), "asset", *about, text, RECORD).select(*_times(table), RECORD)


def newest(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each key: the one that merging *rows* one after the other would leave."""
    key = list(table.key)
    if not rows.select(pl.struct(key).is_duplicated().any()).item():
        return rows
    if table.version:
        changes = (pl.col(table.version) != pl.col(table.version).shift()).fill_null(value=False)
        run = changes.cast(pl.Int32).cum_sum().over(key)
        rows = rows.filter(run == run.max().over(key))
    return rows.sort("revision", descending=True, maintain_order=True).unique(key, keep="first", maintain_order=True)


def in_few_days(rows: pl.DataFrame, most: int = 64) -> list[pl.DataFrame]:
    """Return *rows* in parts of at most so many days: one transaction must not lock more partitions than it can."""
    day = rows["time"].dt.truncate("1d")
    days = day.unique().sort()
    if len(days) <= most:
        return [rows]
    return [rows.filter(day.is_in(days[first : first + most].implode())) for first in range(0, len(days), most)]


def encode_rows(table: Table, rows: pl.DataFrame) -> Rows:
    """Return *rows* as COPY takes them, in the order of their key, in which an index takes them best.

    Times have no offset, which is written and read in less time: connections of Andon are in UTC.
    """
    out = io.BytesIO()
    plain = rows.select(list(table.columns)).with_columns(pl.col(pl.Datetime).dt.replace_time_zone(None))
    plain.sort(*table.key).write_csv(out, include_header=False, batch_size=_CSV_ROWS)
    return Rows(out.getvalue(), rows.height, *rows.select(pl.min("time"), pl.max("time").alias("last")).row(0))


def _common(asset_ids: Mapping[str, int]) -> tuple[pl.Expr, ...]:
    return (
        pl.col("asset").replace_strict(asset_ids, return_dtype=pl.Int32).alias("asset_id"),
        pl.col("time"),
        pl.col("revision").fill_null(0),
        pl.col("ingest_time"),
        pl.col("origin").fill_null(Origin.LIVE.value),
    )


def _times(table: Table) -> list[pl.Expr]:
    """Return the table's columns in order, microseconds as times."""
    return [
        pl.col(name).cast(pl.Datetime("us", "UTC")) if kind == TIMESTAMP else pl.col(name)
        for name, kind in table.columns.items()
    ]


def _value(table: Table, column: str, value: pl.Expr) -> pl.Expr:
    return (_json(value) if table.columns[column] == "jsonb" else value).alias(column)


def _marks(column: pl.Series) -> pl.Expr:
    """Return quality marks or status codes as JSON texts; there are seldom any."""
    if column.null_count() == len(column):
        return pl.lit(None, pl.String).alias(column.name)
    return _json(pl.col(column.name)).alias(column.name)


def _json(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_not_null()).then(value.struct.json_encode())
