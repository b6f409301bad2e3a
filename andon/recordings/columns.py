"""Columns of a recording as event times and tag values: pure Polars expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping as Mapped

import polars as pl

from andon.plant import Tag, TagKind
from andon.plant.columns import TAG_DTYPES
from andon.recordings.findings import Problem
from andon.recordings.mapping import EPOCHS, STEPS, Time

#: The youngest time that a contract can carry.
MAX_TIME = 2**53

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d(:\d\d(?:\.\d+)?)?(Z|[+-]\d\d(?::?\d\d)?)?")
_OFFSET = re.compile(r"%[:#]*z")
_TRUE = ("true", "1", "1.0")
_FALSE = ("false", "0", "0.0")


def iso_pattern(text: str) -> str:
    """Return the strptime pattern of an ISO 8601 time, from an example.

    Raises:
        ValueError: the example is no date and time in ISO 8601.
    """
    match = _ISO.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no ISO 8601 date and time")
    between, seconds, offset = match.groups()
    return f"%Y-%m-%d{between}%H:%M{':%S%.f' if seconds else ''}{'%#z' if offset else ''}"


def event_time(time: Time, dtype: pl.DataType | None, pattern: str, first_row: int, decimal: str) -> pl.Expr:
    """Return the expression for a row's event time, microseconds UTC; null where it cannot be read.

    Args:
        time: the mapping's description.
        dtype: type of the time column; None where there is none.
        pattern: strptime pattern of times that are texts.
        first_row: number, in its file, of the first row that the expression will see.
        decimal: decimal sign of texts.
    """
    if time.column is None or dtype is None:
        micros = (time.origin or 0) + (first_row + pl.int_range(pl.len())) * (time.step or 0)
    elif time.format == STEPS:
        micros = (time.origin or 0) + _whole(_number(time.column, dtype, decimal) * (time.step or 0))
    elif time.format in EPOCHS:
        micros = _whole(_number(time.column, dtype, decimal) * EPOCHS[time.format])
    else:
        micros = _moment(time.column, dtype, pattern, time.zone)
    return pl.when(micros.is_between(0, MAX_TIME)).then(micros).alias("time")


def _whole(number: pl.Expr) -> pl.Expr:
    return number.round().cast(pl.Int64, strict=False)


def _moment(column: str, dtype: pl.DataType, pattern: str, zone: str) -> pl.Expr:
    if dtype == pl.String:
        moment = pl.col(column).str.strip_chars().str.to_datetime(pattern, time_unit="us", strict=False)
        aware = _OFFSET.search(pattern) is not None
    else:
        moment = pl.col(column)
        aware = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
        moment = moment if aware else moment.cast(pl.Datetime("us"))
    if not aware:
        # An hour that a change of the clocks repeats is read as its first run; one that it skips is unreadable.
        moment = moment.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return moment.dt.epoch("us")


def tag_values(
    rows: pl.DataFrame, columns: Mapped[str, str], tags: Mapped[str, Tag], decimal: str
) -> tuple[pl.DataFrame, list[tuple[str, Problem, int]]]:
    """Convert columns to the tags of an asset class.

    Args:
        rows: rows of a recording.
        columns: column to tag.
        tags: all tags of the class; those that no column gives are null.
        decimal: decimal sign of texts.

    Returns:
        One column per tag of the class, in its kind's dtype, and (column, problem, count) of values that became null.
    """
    source = {tag: column for column, tag in columns.items()}
    parsed = rows.select(
        (
            _value(source[name], rows.schema[source[name]], tag, decimal)
            if name in source
            else pl.lit(None, dtype=TAG_DTYPES[tag.kind])
        ).alias(name)
        for name, tag in tags.items()
    )
    findings = [(source[tag], Problem.UNREADABLE, _unreadable(rows[source[tag]], parsed[tag])) for tag in source]
    finite = {name: _finite(name, tags[name].kind) for name in source}
    infinite = parsed.select((~expression).sum().alias(name) for name, expression in finite.items()).row(0, named=True)
    findings += [(source[name], Problem.NON_FINITE, count) for name, count in infinite.items()]
    cleaned = parsed.with_columns(pl.when(finite[name]).then(name) for name, count in infinite.items() if count)
    return cleaned, [finding for finding in findings if finding[2]]


def _value(column: str, dtype: pl.DataType, tag: Tag, decimal: str) -> pl.Expr:
    if tag.kind is TagKind.NUMBER:
        return _number(column, dtype, decimal)
    if tag.kind is TagKind.INTEGER:
        return _integer(column, dtype, decimal)
    if tag.kind is TagKind.BOOLEAN:
        return _boolean(column)
    if tag.kind is TagKind.STATE:
        return pl.col(column).cast(pl.String)
    samples = pl.col(column).cast(pl.List(pl.Float64))
    waveform = pl.struct(pl.lit(tag.rate_hz, dtype=pl.Float64).alias("rate_hz"), samples.alias("samples"))
    return pl.when(samples.is_not_null()).then(waveform)


def _text(column: str, decimal: str) -> pl.Expr:
    text = pl.col(column).str.strip_chars()
    return text.str.replace(decimal, ".", literal=True) if decimal != "." else text


def _number(column: str, dtype: pl.DataType, decimal: str) -> pl.Expr:
    value = _text(column, decimal) if dtype == pl.String else pl.col(column)
    return value.cast(pl.Float64, strict=False)


def _integer(column: str, dtype: pl.DataType, decimal: str) -> pl.Expr:
    """Integers as such, and those that were written with a fraction of 0, as many exporters do."""
    number = _number(column, dtype, decimal)
    written = _text(column, decimal) if dtype == pl.String else pl.col(column)
    exact = written.cast(pl.Int64, strict=False) if dtype == pl.String or dtype.is_integer() else None
    whole = pl.when(number == number.round()).then(number.cast(pl.Int64, strict=False))
    return whole if exact is None else pl.coalesce(exact, whole)


def _boolean(column: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase()
    return pl.when(text.is_in(_TRUE)).then(True).when(text.is_in(_FALSE)).then(False)


def _finite(tag: str, kind: TagKind) -> pl.Expr:
    if kind is TagKind.NUMBER:
        finite = pl.col(tag).is_finite()
    elif kind is TagKind.WAVEFORM:
        samples = pl.col(tag).struct.field("samples")
        finite = samples.list.eval(pl.element().is_finite().fill_null(value=False)).list.all()
    else:
        finite = pl.lit(value=True)
    return finite.fill_null(value=True)


def _unreadable(given: pl.Series, parsed: pl.Series) -> int:
    """Return how many values are null although something was written there."""
    if parsed.null_count() == given.null_count():
        return 0
    blank = given.is_null()
    if given.dtype == pl.String:
        blank |= given.str.strip_chars() == ""
    return int((parsed.is_null() & ~blank).sum())
