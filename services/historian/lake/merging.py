"""Parts of an hour into one file, each frame once, by asset and time; only a slice of it is in memory at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import BinaryIO, Literal

import polars as pl
from polars.io.plugins import register_io_source

from services.historian.lake.hours import HOUR

#: Rows that are put in order at once: an hour of a fast plant has millions, which would take gigabytes.
SLICE_ROWS = 250_000
#: Rows of which a file states the least and the largest asset, so that a slice reads little more than its own.
_GROUP_ROWS = 65_536


def merge(
    parts: Sequence[pl.LazyFrame],
    start: int,
    out: BinaryIO,
    compression: Literal["lz4", "zstd"],
    slice_rows: int = SLICE_ROWS,
) -> None:
    """Write the rows of all *parts* as Parquet, each frame once in its highest revision, by asset and time.

    Args:
        parts: rows of the lake, of one hour; a column that some do not have is null for their rows.
        start: of the hour, microseconds UTC.
        out: where to write.
        compression: of the file.
        slice_rows: how many rows are in memory at once, about.
    """
    rows = pl.concat(parts, how="diagonal_relaxed")
    counts = rows.group_by("asset").len("rows").sort("asset").collect(engine="streaming")
    slices = list(_slices(counts.iter_rows(), start, slice_rows))

    def ordered(*_: object) -> Iterator[pl.DataFrame]:
        return (_newest(rows.filter(each).collect(engine="streaming")) for each in slices)

    source = register_io_source(ordered, schema=rows.collect_schema())
    source.sink_parquet(out, compression=compression, row_group_size=_GROUP_ROWS, engine="streaming")


def _newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows by asset and time, each frame once in its highest revision, the first one of equal revisions."""
    ordered = rows.sort("asset", "time", "revision", descending=[False, False, True], maintain_order=True)
    again = ordered.select((pl.col("asset") == pl.col("asset").shift()) & (pl.col("time") == pl.col("time").shift()))
    return ordered.filter(~again.to_series().fill_null(value=False))


def _slices(counts: Iterable[tuple[str, int]], start: int, slice_rows: int) -> Iterator[pl.Expr]:
    """Yield what tells the rows of each slice: some assets, or for a very fast one a part of the hour."""
    asset, time = pl.col("asset"), pl.col("time")
    first, last, held = "", "", 0
    for name, rows in counts:
        if held and held + rows > slice_rows:
            yield asset.is_between(pl.lit(first), pl.lit(last))
            held = 0
        if rows > slice_rows:
            edges = _edges(start, math.ceil(rows / slice_rows))
            yield from ((asset == name) & (time >= low) & (time < high) for low, high in pairwise(edges))
            continue
        first, last, held = first if held else name, name, held + rows
    if held:
        yield asset.is_between(pl.lit(first), pl.lit(last))


def _edges(start: int, shares: int) -> list[datetime]:
    begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=start)
    return [begin + timedelta(microseconds=HOUR * share // shares) for share in range(shares + 1)]
