"""However many rows an hour has, and in however small slices they are put together: each frame once, in order."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from services.historian.lake.hours import HOUR
from services.historian.lake.merging import merge

START = 1_700_000_000_000_000 // HOUR * HOUR
Row = tuple[str, int, int]
rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from((0, 1, 2, HOUR // 2, HOUR - 1)), st.integers(0, 2)), max_size=12
)


def part(rows: Sequence[Row], number: int) -> pl.LazyFrame:
    """Return rows that say which part they are of."""
    made = pl.DataFrame(rows, schema={"asset": pl.String, "time": pl.Int64, "revision": pl.Int32}, orient="row")
    time = (pl.col("time") + START).cast(pl.Datetime("us", "UTC"))
    return made.with_columns(time, pl.lit(number).alias("part")).lazy()


def merged(parts: Sequence[pl.LazyFrame], slice_rows: int) -> pl.DataFrame:
    out = io.BytesIO()
    merge(parts, START, out, "lz4", slice_rows)
    return pl.read_parquet(out.getvalue())


@given(parts=st.lists(rows, min_size=1, max_size=4), slice_rows=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_each_frame_is_there_once_in_its_highest_revision_and_in_order(parts: list[list[Row]], slice_rows: int) -> None:
    wanted: dict[tuple[str, int], tuple[int, int]] = {}
    for number, each in enumerate(parts):
        for asset, time, revision in each:
            if revision > wanted.get((asset, time), (-1, 0))[0]:
                wanted[asset, time] = (revision, number)
    found = merged([part(each, number) for number, each in enumerate(parts)], slice_rows)
    times = found["time"].dt.epoch("us") - START
    assert list(zip(found["asset"], times, found["revision"], found["part"], strict=True)) == [
        (*key, *value) for key, value in sorted(wanted.items())
    ]


def test_a_column_that_only_some_parts_have_is_null_for_the_others() -> None:
    new = part([("b", 1, 0)], 1).with_columns(tag_power=pl.lit(2.5))
    found = merged([part([("a", 0, 0), ("c", 0, 0)], 0), new], slice_rows=1)
    assert found.select("asset", "tag_power").rows() == [("a", None), ("b", 2.5), ("c", None)]
