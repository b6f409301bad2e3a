"""Records that were sent again are found, as far back as is remembered."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from andon.stream.repeats import Remembered, Repeats

Named = tuple[int, int, int]


def records(named: list[Named]) -> pl.DataFrame:
    schema = {"asset": pl.Int64, "time": pl.Int64, "revision": pl.Int64}
    return pl.DataFrame(named, schema=schema, orient="row")


_named = st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 1))


@given(st.lists(st.lists(_named, max_size=8), max_size=6))
def test_a_record_repeats_if_and_only_if_an_earlier_one_has_its_name(batches: list[list[Named]]) -> None:
    repeats, seen = Repeats(assets=3), set[Named]()
    for batch in batches:
        found = repeats.find(records(batch)).tolist()
        for name, repeated in zip(batch, found, strict=True):
            assert repeated == (name in seen)
            seen.add(name)


def test_a_correction_is_no_repeat() -> None:
    repeats = Repeats(assets=1)
    assert repeats.find(records([(0, 7, 0), (0, 7, 0), (0, 7, 1)])).tolist() == [False, True, False]


def test_only_as_far_back_as_is_remembered() -> None:
    remembered = Remembered(depth=2)
    for second in (1, 2, 3):
        remembered.add(records([(0, second, 0)]))
    assert remembered.among(records([(0, t, 0) for t in (1, 2, 3, 4)])).tolist() == [False, True, True, False]
