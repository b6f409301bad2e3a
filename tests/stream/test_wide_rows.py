"""A wide object of numbers is read apart from its record; the result is that of reading the record whole."""

from __future__ import annotations

import io
import random
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.exceptions import PolarsError

from andon.stream.rows import RowReader, _cut

NAMES = [f"flow_{number}" for number in range(20)]
SCHEMA = {
    "id": pl.String(),
    "time": pl.Int64(),
    "features": pl.Struct(dict.fromkeys(NAMES, pl.Float64())),
    "context": pl.Struct({"order": pl.String(), "features": pl.Float64()}),
}
READER = RowReader(SCHEMA)
MANY = 32  # records that make it worth while


def plain(values: list[bytes]) -> pl.DataFrame | None:
    """Return what reading the records whole gives; None when it is refused."""
    try:
        found = pl.read_ndjson(io.BytesIO(b"\n".join(value.replace(b"\n", b" ") for value in values)), schema=SCHEMA)
    except PolarsError:
        return None
    return found if found.height == len(values) else None


def read(values: list[bytes]) -> pl.DataFrame | None:
    try:
        return READER.read(values)
    except PolarsError:
        return None


def same(ours: pl.DataFrame | None, theirs: pl.DataFrame | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return ours.schema == theirs.schema and ours.equals(theirs)


numbers = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**40), 2**40))
texts = st.one_of(st.text(max_size=8), st.sampled_from(['","features":{"', "}", "{", ',"features":{', "\n"]))
features = st.dictionaries(st.sampled_from([*NAMES, "other"]), numbers, max_size=20)
odd = st.one_of(
    features, st.none(), texts, st.dictionaries(st.sampled_from(NAMES), st.one_of(texts, features), max_size=3)
)
records = st.fixed_dictionaries(
    {"id": texts, "time": st.integers(0, 2**50)},
    optional={
        "context": st.one_of(st.none(), st.fixed_dictionaries({"order": texts}, optional={"features": numbers})),
        "features": odd,
        "extra": st.one_of(texts, st.fixed_dictionaries({"a": numbers, "features": features})),
    },
)


def shuffled(record: dict[str, Any], seed: int) -> bytes:
    """Return a record with its fields in some order, with or without line breaks."""
    names = random.Random(seed).sample([*record], len(record))
    return orjson.dumps({name: record[name] for name in names}, option=orjson.OPT_INDENT_2 if seed % 5 == 0 else 0)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(records, st.integers(0, 50)), min_size=1, max_size=4))
def test_reading_apart_gives_what_reading_whole_gives(drawn: list[tuple[dict[str, Any], int]]) -> None:
    values = MANY * [shuffled(record, seed) for record, seed in drawn]
    assert same(read(values), plain(values))


@settings(deadline=None, max_examples=200)
@given(features, st.integers(0, 200), st.binary(max_size=3))
def test_damaged_records_are_refused_where_they_were(vector: dict[str, Any], at: int, junk: bytes) -> None:
    value = orjson.dumps({"id": "a", "time": 1, "features": vector, "context": None})
    values = [*MANY * [value], value[:at] + junk + value[at + len(junk) :]]
    assert same(read(values), plain(values))


@pytest.mark.parametrize(
    "value",
    [
        b'{"id":"a","features":{"flow_1":1},"features":{"flow_1":2}}',
        b'{"id":"a","context":{"order":"b","features":{"flow_1":1}},"time":1}',
        b'{"id":"a","weird\\"features":{"flow_1":1}}',
        b'{"features":{"flow_1":1},"id":"a"}',
        b'{"id":"a","features": {"flow_1":1}}',
        b'{"id":"a","features":{"flow_1":{"x":1}}}',
        b'{"id":"a","features":{}}',
        b'{"id":"a","features":null}',
        b"",
    ],
)
def test_odd_records_are_read_as_ever(value: bytes) -> None:
    assert same(read(MANY * [value]), plain(MANY * [value]))


def test_a_plain_vector_is_indeed_read_apart() -> None:
    value = b'{"id":"a","time":1,"features":{"flow_1":1.5},"context":null}'
    assert _cut([value], "features") == ([b'{"flow_1":1.5}'], [b'{"id":"a","time":1,"context":null}'])
    found = READER.read(MANY * [value])
    assert found.columns == [*SCHEMA]
    assert found["features"][0]["flow_1"] == 1.5
