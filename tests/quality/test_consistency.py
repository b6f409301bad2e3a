"""Relations between the samples of one frame: which frames break them, and which samples are marked then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.plant import AssetClass
from andon.quality import Arrivals, Inspector

LETTERS = {None: ".", "missing": "m", "out_of_range": "o", "spike": "p", "inconsistent": "i"}


def drawn(
    relations: Sequence[Mapping[str, Any]], tag: Mapping[str, Any] | None = None, **values: list[Any]
) -> list[str]:
    """Draw the marks of some tags' values, a line a tag; all tags are numbers that are declared alike."""
    consistency = [{"name": f"rule {number}", **relation} for number, relation in enumerate(relations)]
    asset_class = AssetClass.model_validate({"tags": {name: tag or {} for name in values}, "consistency": consistency})
    frames = pl.DataFrame(values, schema=dict.fromkeys(values, pl.Float64))
    times = np.arange(frames.height) * 1_000_000
    arrivals = Arrivals(times * 0, times, times, np.arange(frames.height), np.ones(frames.height, np.bool_))
    judged = Inspector(asset_class, 1).inspect(frames.to_struct(), pl.Series([None] * frames.height), arrivals)
    return ["".join(LETTERS[(marks or {}).get(name)] for marks in judged.quality) for name in values]


def test_low_is_never_above_high_by_more_than_the_tolerance() -> None:
    relation = {"low": "suction", "high": "discharge", "tolerance": 0.5}
    assert drawn([relation], suction=[1, 5, 5.5, 5.6], discharge=[9, 5, 5, 5]) == ["...i", "...i"]


def test_a_sum_is_right_within_the_tolerance_both_ways() -> None:
    relation = {"sum": ["a", "b"], "equals": "c", "tolerance": 2}
    assert drawn([relation], a=[1, 1, 1], b=[2, 2, 2], c=[5, 5.1, 0.9]) == [".ii"] * 3


def test_a_ratio_lies_between_its_bounds_and_says_nothing_at_standstill() -> None:
    relation = {"ratio": ["motor", "shaft"], "between": [9, 11], "tolerance": 1}
    assert drawn([relation], motor=[100, 111, 89, 88, 0, 1, -100], shaft=[10, 10, 10, 10, 0, 0, -10]) == ["...i..."] * 2
    assert drawn([relation], motor=[-111, 100], shaft=[-10, -10]) == [".i"] * 2


def test_only_the_tags_to_mark_are_marked() -> None:
    relation = {"low": "a", "high": "b", "marks": ["c"]}
    assert drawn([relation], a=[1, 3], b=[2, 2], c=[0, 0]) == ["..", "..", ".i"]


def test_a_relation_is_not_judged_where_a_sample_is_marked_already() -> None:
    tag = {"range": [0, 50], "max_step": 10}
    relation = {"low": "a", "high": "b"}
    assert drawn([relation], tag, a=[5, 60, 5, 5, 40], b=[4, 4, None, 6, 6]) == ["io..p", "i.m.."]
    assert drawn([{**relation, "marks": ["a"]}], tag, a=[5], b=[4]) == ["i", "."]


def test_relations_do_not_see_each_other_s_marks() -> None:
    chain = [{"low": "a", "high": "b", "marks": ["b"]}, {"low": "b", "high": "c", "marks": ["c"]}]
    assert drawn(chain, a=[3], b=[2], c=[1]) == drawn(chain[::-1], a=[3], b=[2], c=[1]) == [".", "i", "i"]


numbers = st.lists(st.one_of(st.none(), st.integers(-50, 50).map(float), st.just(math.nan)), min_size=20, max_size=20)


@given(low=numbers, high=numbers, tolerance=st.integers(0, 30))
def test_whole_columns_are_judged_as_frame_by_frame(
    low: list[float | None], high: list[float | None], tolerance: int
) -> None:
    def mark(value: float | None, *, broken: bool) -> str:
        return "m" if value is None or math.isnan(value) else "i" if broken else "."

    broken = [(one or 0) > (other or 0) + tolerance for one, other in zip(low, high, strict=True)]
    whole = ["m" not in (mark(a, broken=False), mark(b, broken=False)) for a, b in zip(low, high, strict=True)]
    wrong = [each and all_there for each, all_there in zip(broken, whole, strict=True)]
    expected = ["".join(mark(v, broken=w) for v, w in zip(values, wrong, strict=True)) for values in (low, high)]
    assert drawn([{"low": "a", "high": "b", "tolerance": tolerance}], a=low, b=high) == expected


@pytest.mark.parametrize(
    "relation",
    [
        {},
        {"low": "a"},
        {"sum": ["a", "b"]},
        {"between": [1, 2]},
        {"low": "a", "high": "b", "sum": ["a"], "equals": "b"},
    ],
)
def test_a_relation_is_one_of_three(relation: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be one relation"):
        drawn([relation], a=[1], b=[1])
