"""Asking the history for an asset's tags over a time: values in, statements and values out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from andon.database.names import quoted, shortened
from andon.errors import ConfigError
from andon.units import parse_duration
from andon.uns import Stage
from services.historian.tables import CONTEXT_COLUMNS, SCHEMA
from services.historian.views import plain_names

_TYPES: Mapping[str, type[pl.DataType]] = {
    "double precision": pl.Float64,
    "boolean": pl.Boolean,
    "integer": pl.Int32,
    "bigint": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for.

    Attributes:
        asset: path of the asset.
        asset_class: its class.
        stage: raw or context.
        tags: which tags, in this order.
        since: from this time on.
        until: up to this time (exclusive).
    """

    asset: str
    asset_class: str
    stage: Stage
    tags: tuple[str, ...]
    since: datetime
    until: datetime

    @property
    def table(self) -> str:
        """The table that has it, as it stands in a statement."""
        return f"{SCHEMA}.{quoted(shortened(f'{self.stage}_{self.asset_class}'))}"

    @property
    def columns(self) -> dict[str, str]:
        """Name in the answer to column: the context, if there is one, and the tags under their own names."""
        about = (
            (*CONTEXT_COLUMNS, "quality", "quality_score", "origin")
            if self.stage is Stage.CONTEXT
            else ("status", "origin")
        )
        names = plain_names(self.tags, ("asset", "time", *about))
        return {names[tag]: shortened(f"tag_{tag}") for tag in self.tags} | {name: name for name in about}

    @property
    def arguments(self) -> tuple[object, ...]:
        """What stands for $1 to $3 in the statements."""
        return self.asset, self.since, self.until


def newest_statement(question: Question, rows: int) -> str:
    """Return what asks for the newest rows, newest first."""
    return f"SELECT time{_columns(question)} {_where(question)} ORDER BY time DESC LIMIT {rows}"


def count_statement(question: Question) -> str:
    """Return what asks for the number of rows."""
    return f"SELECT count(*) {_where(question)}"


def copy_statement(question: Question) -> str:
    """Return what asks for all rows in the order of time, as `schema_of` describes them; times are microseconds."""
    micros = "(extract(epoch FROM time) * 1000000)::bigint AS time"
    return f"SELECT $1::text AS asset, {micros}{_columns(question)} {_where(question)} ORDER BY history.time"


def schema_of(question: Question, types: Mapping[str, str]) -> dict[str, type[pl.DataType]]:
    """Return the answer's columns with their dtypes.

    Args:
        question: what is asked for.
        types: column to PostgreSQL's type.
    """
    named = {name: _TYPES.get(types[column], pl.String) for name, column in question.columns.items()}
    return {"asset": pl.String, "time": pl.Int64, **named}


def copied_rows(file: Path, schema: Mapping[str, type[pl.DataType]]) -> pl.LazyFrame:
    """Return what COPY has written for `copy_statement`, to be read as it is needed."""
    flags = [name for name, dtype in schema.items() if dtype == pl.Boolean]
    return pl.scan_csv(file, schema={**schema, **dict.fromkeys(flags, pl.String)}).with_columns(
        pl.col("time").cast(pl.Datetime("us", "UTC")), *(pl.col(flag) == "t" for flag in flags)
    )


def find(wanted: str, known: Sequence[str], what: str) -> str:
    """Return *wanted* if it is known.

    Raises:
        ConfigError: it is not; names those that are most like it.
    """
    if wanted in known:
        return wanted
    like = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    like = like or [name for name in known if wanted.lower() in name.lower()][:3]
    hint = f"did you mean {' or '.join(like)}?" if like else f"there are {', '.join(known[:10]) or 'none'}"
    raise ConfigError(f"there is no {what} {wanted!r}: {hint}")


def moment(text: str, now: datetime) -> datetime:
    """Return the time that ``2026-03-01T06:00``, ``now`` or ``2h`` (ago) means; without an offset it is UTC.

    Raises:
        ConfigError: it is none of these.
    """
    if text == "now":
        return now
    try:
        return now - timedelta(microseconds=parse_duration(text))
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no time: write 2026-03-01T06:00, 2026-03-01T06:00+01:00, 2h (ago) or now"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _columns(question: Question) -> str:
    return "".join(f", {quoted(column)} AS {quoted(name)}" for name, column in question.columns.items())


def _where(question: Question) -> str:
    return (
        f"FROM {question.table} AS history WHERE asset_id = (SELECT asset_id FROM andon.asset_path WHERE path = $1) "
        "AND time >= $2 AND time < $3"
    )
