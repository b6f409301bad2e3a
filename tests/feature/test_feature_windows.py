"""Which samples end up in which window. Time runs from left to right, 250 ms a character, '|' at each full second."""

from __future__ import annotations

import polars as pl
import pytest

from andon.features.compute import windows
from andon.features.definition import Aggregate, FeatureDefinition

SECOND = 1_000_000
TUMBLING = FeatureDefinition(window=SECOND, tags=("x",), aggregates=(Aggregate.MEAN,))
HOPPING = FeatureDefinition(window=2 * SECOND, hop=SECOND, tags=("x",), aggregates=(Aggregate.MEAN,))


def drawn(line: str, asset: str = "pump") -> pl.DataFrame:
    """Return a sample for each digit, of that value, and one without a good value for each '?'."""
    samples = [(asset, i * SECOND // 4, mark) for i, mark in enumerate(line.replace("|", "")) if mark != "."]
    frame = pl.DataFrame(samples, {"asset": pl.String, "time": pl.Int64, "x": pl.String}, orient="row")
    return frame.with_columns(pl.col("x").cast(pl.Float64, strict=False))


def spans(rows: pl.DataFrame, definition: FeatureDefinition) -> list[tuple[str, float, float, int, float | None]]:
    """Return (asset, start, end, samples, mean) of each window, in seconds."""
    found = windows(rows, definition, SECOND // 4).unnest("features")
    seconds = found.with_columns(pl.col("start", "time") / SECOND)
    return seconds.select("asset", "start", "time", "samples", "x_mean").rows()


def test_tumbling_windows_hold_each_sample_once() -> None:
    assert spans(drawn("1.3.|.5..|....|2222"), TUMBLING) == [
        ("pump", 0, 1, 2, 2.0),
        ("pump", 1, 2, 1, 5.0),
        ("pump", 3, 4, 4, 2.0),
    ]


def test_hopping_windows_hold_each_sample_in_each_window_that_covers_it() -> None:
    assert spans(drawn("1.3.|.5..|....|2222"), HOPPING) == [
        ("pump", -1, 1, 2, 2.0),
        ("pump", 0, 2, 3, 3.0),
        ("pump", 1, 3, 1, 5.0),
        ("pump", 2, 4, 4, 2.0),
        ("pump", 3, 5, 4, 2.0),
    ]


def test_a_sample_on_the_border_opens_the_next_window() -> None:
    assert spans(drawn("....|1..."), TUMBLING) == [("pump", 1, 2, 1, 1.0)]


def test_assets_have_windows_of_their_own() -> None:
    rows = pl.concat([drawn("..4.|....", "b"), drawn("2...|..3.", "a")])
    assert spans(rows, TUMBLING) == [("a", 0, 1, 1, 2.0), ("a", 1, 2, 1, 3.0), ("b", 0, 1, 1, 4.0)]


def test_of_samples_with_one_time_the_first_given_counts() -> None:
    rows = pl.concat([drawn("1.2."), drawn("9.9."), drawn("..7.")])
    assert spans(rows, TUMBLING) == [("pump", 0, 1, 2, 1.5)]


def test_samples_without_a_good_value_are_counted_but_not_averaged() -> None:
    found = windows(drawn("1??3"), TUMBLING, SECOND // 4)
    assert found.select("samples", "expected", "good_ratio").rows() == [(4, 4, 0.5)]
    assert found["features"].to_list() == [{"x_mean": 2.0}]


def test_no_samples_are_promised_without_a_scan() -> None:
    assert windows(drawn("1.?."), TUMBLING, 0).select("expected", "good_ratio").rows() == [(0, 0.5)]


def test_features_are_named_by_tag_then_aggregate_as_the_definition_says() -> None:
    definition = FeatureDefinition(window=SECOND, tags=("y", "x"), aggregates=(Aggregate.MAX, Aggregate.MIN))
    found = windows(drawn("1234").with_columns(y=-pl.col("x")), definition, SECOND)
    assert found["features"].to_list() == [{"y_max": -1, "y_min": -4, "x_max": 4, "x_min": 1}]
    assert tuple(found["features"].struct.fields) == definition.feature_names


def test_without_rows_there_are_no_windows() -> None:
    found = windows(drawn("...."), HOPPING, SECOND)
    assert found.is_empty()
    assert found.schema == windows(drawn("1..."), HOPPING, SECOND).schema


def test_a_definition_without_tags_is_refused() -> None:
    with pytest.raises(ValueError, match="names no tags"):
        windows(drawn("1..."), FeatureDefinition(), SECOND)
