"""What lies where in the lake, and what its rows are: values in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath

import polars as pl

from andon.clock import SECOND
from andon.lake import TAG, hour_folder

HOUR = 3_600 * SECOND
OPEN = PurePath(".open")
_SEGMENT = re.compile(
    r"(?P<name>.+)@(?P<hour>\d{4}-\d\d-\d\dT\d\d)@p(?P<partition>\d+)@(?P<level>\d+)@[^@]+\.(arrow|parquet)"
)
_HOUR_FORMAT = "%Y-%m-%dT%H"
_TIMES = ("time", "ingest_time", "server_time")
_MARKS = ("status", "carried")


@dataclass(frozen=True, slots=True)
class Hour:
    """One file to be: an hour of event time of an asset class, from one Kafka partition.

    Attributes:
        asset_class: the class.
        start: microseconds UTC.
        partition: number of the Kafka partition.
    """

    asset_class: str
    start: int
    partition: int

    @property
    def path(self) -> PurePath:
        """Where its file is, below the lake's directory."""
        return hour_folder(self.asset_class, self.start) / f"p{self.partition}.parquet"

    def segment(self, level: int, token: str) -> PurePath:
        """Return where a part of it is while it is open.

        Args:
            level: how often its rows were merged; those that never were are Arrow, the others Parquet.
            token: tells it apart from all other parts.
        """
        name = f"{self.asset_class}@{_moment(self.start).strftime(_HOUR_FORMAT)}@p{self.partition}@{level}@{token}"
        return OPEN / f"{name}.{'parquet' if level else 'arrow'}"

    @property
    def lock(self) -> PurePath:
        """What a worker holds while it puts parts together or removes them."""
        return OPEN / f"p{self.partition}.lock"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an hour that is open."""

    hour: Hour
    level: int
    path: PurePath


def segment_at(path: PurePath) -> Segment | None:
    """Return which part a file is; None for other files."""
    match = _SEGMENT.fullmatch(path.name)
    if match is None:
        return None
    start = datetime.strptime(match["hour"], _HOUR_FORMAT).replace(tzinfo=UTC)
    hour = Hour(match["name"], round(start.timestamp()) * SECOND, int(match["partition"]))
    return Segment(hour, int(match["level"]), path)


def divided(asset_class: str, frames: pl.DataFrame) -> Iterator[tuple[Hour, pl.DataFrame]]:
    """Yield decoded raw frames (and column `partition`) as rows of the lake, each with its hour."""
    hours = frames.with_columns(hour=pl.col("time") // HOUR * HOUR)
    for (start, partition), part in hours.partition_by("hour", "partition", as_dict=True).items():
        yield Hour(asset_class, start, partition), lake_rows(part)


def lake_rows(frames: pl.DataFrame) -> pl.DataFrame:
    """Return decoded raw frames with the lake's columns: one for each tag, times as times, marks as JSON."""
    tags = frames["values"].struct.fields
    return frames.select(
        "asset",
        *(pl.col(name).cast(pl.Datetime("us", "UTC")) for name in _TIMES),
        pl.col("origin").fill_null("live"),
        pl.col("revision").fill_null(0).cast(pl.Int32),
        "session",
        "sequence",
        *(_marks(frames[name]) for name in _MARKS),
        *(pl.col("values").struct.field(tag).alias(TAG + tag) for tag in tags),
    )


def _marks(column: pl.Series) -> pl.Expr:
    if column.null_count() == len(column):
        return pl.lit(None, pl.String).alias(column.name)
    value = pl.col(column.name)
    return pl.when(value.is_not_null()).then(value.struct.json_encode()).alias(column.name)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros // SECOND, UTC)
