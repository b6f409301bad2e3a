"""Every kind of feature beside the aggregates: what it says of a window, and what it does with bad input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from andon.features import Aggregate, FeatureDefinition
from andon.features.compute import windows

SECOND = 1_000_000
TEN = tuple(range(0, 10 * SECOND, SECOND))
Vector = Mapping[str, float | None]


def definition(extra: Mapping[str, Any], window: int = 10, hop: int = 0) -> FeatureDefinition:
    content = {
        "window": window * SECOND,
        "hop": hop * SECOND,
        "tags": ["x"],
        "aggregates": ["good_ratio"],
        "extra": extra,
    }
    return FeatureDefinition.model_validate(content)


def features(extra: Mapping[str, Any], times: Sequence[int] = TEN, **columns: Any) -> Vector:
    """Return the extra features of one window of ten seconds."""
    rows = pl.DataFrame({"asset": "pump", "time": times, **columns}, strict=False)
    if "x" not in columns:
        rows = rows.with_columns(x=pl.lit(0.0))
    found = windows(rows, definition(extra), SECOND)
    assert found.height == 1
    vector: dict[str, float | None] = found["features"][0]
    del vector["x_good_ratio"]
    return vector


def test_a_definition_without_extra_features_keeps_its_hash() -> None:
    assert FeatureDefinition(tags=("x",)).hash == "7696cca837aa"
    assert definition({}).hash == definition({"mad": []}).hash != definition({"mad": [{"tags": ["x"]}]}).hash


def test_extra_features_follow_the_aggregates() -> None:
    extra = {"regime": [{"tags": ["x"], "edges": [1]}], "mad": [{"tags": ["y", "x"]}]}
    made = definition(extra)
    assert made.feature_names == ("x_good_ratio", "y_mad", "x_mad", "x_regime_0", "x_regime_1")
    assert made.inputs == ("x", "y")
    assert [feature.tag for feature in made.features] == ["x", "y", "x", "x", "x"]


def test_units_follow_from_those_of_the_tags() -> None:
    extra = {
        "rate": [{"tags": ["x"]}],
        "correlation": [{"tags": ["x", "y"]}],
        "ratio": [{"tags": ["x", "y"]}, {"tags": ["x", "z"]}],
        "band_energy": [{"tags": ["x"], "rate_hz": 1, "bands_hz": [[0, 0.5]]}],
        "spectral_centroid": [{"tags": ["x"], "rate_hz": 1}],
        "time_above": [{"tags": ["x"], "levels": [5], "hold": SECOND}],
        "mad": [{"tags": ["x"]}],
    }
    units = {"x": "kW", "y": "m^3/h", "z": "kW"}
    found = {feature.name: feature.unit(units) for feature in definition(extra).features}
    assert found == {
        "x_good_ratio": None,
        "x_mad": "kW",
        "x_rate_max": "kW/s",
        "x_rate_mean": "kW/s",
        "x_correlation_y": None,
        "x_per_y": "(kW)/(m^3/h)",
        "x_per_z": None,
        "x_energy_0_0.5_hz": "(kW)**2",
        "x_centroid": "Hz",
        "x_time_above_5": "s",
    }


some = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=10)


@settings(deadline=None)
@given(some, st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], probability: float) -> None:
    found = features({"quantiles": [{"tags": ["x"], "probabilities": [probability]}]}, TEN[: len(values)], x=values)
    assert list(found.values()) == [pytest.approx(np.quantile(values, probability), rel=1e-9, abs=1e-9)]


@settings(deadline=None)
@given(some)
def test_mad_is_the_median_distance_from_the_median(values: list[float]) -> None:
    expected = np.median(np.abs(np.array(values) - np.median(values)))
    assert features({"mad": [{"tags": ["x"]}]}, TEN[: len(values)], x=values) == {"x_mad": pytest.approx(expected)}


@settings(deadline=None)
@given(some)
def test_ewma_weighs_by_age(values: list[float]) -> None:
    weights = [0.5 ** ((len(values) - 1 - i) / 3) for i in range(len(values))]
    found = features({"ewma": [{"tags": ["x"], "half_life": "3s"}]}, TEN[: len(values)], x=values)
    assert found == {"x_ewma_3s": pytest.approx(np.average(values, weights=weights), rel=1e-9, abs=1e-6)}


def test_rate_is_the_speed_from_one_good_sample_to_the_next() -> None:
    found = features({"rate": [{"tags": ["x"]}]}, (0, SECOND, 2 * SECOND, 4 * SECOND), x=[1.0, 3.0, None, 0.0])
    assert found == {"x_rate_max": 2.0, "x_rate_mean": 1.5}


def test_lagged_means_are_the_means_of_equal_parts() -> None:
    values = [1.0, 3.0, None, None, 5.0, 5.0, None, 7.0, 8.0, 9.0]
    found = features({"lagged_means": [{"tags": ["x"], "panes": 5}]}, x=values)
    assert list(found.values()) == [2.0, None, 5.0, 7.0, 8.5]
    assert list(found) == [f"x_mean_{part}of5" for part in range(1, 6)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=3, max_size=10))
def test_correlation_is_pearsons(pairs: list[tuple[int, int]]) -> None:
    x, y = (list(map(float, values)) for values in zip(*pairs, strict=True))
    found = features({"correlation": [{"tags": ["x", "y"]}]}, TEN[: len(x)], x=x, y=y)
    rests = len(set(x)) == 1 or len(set(y)) == 1
    assert found == {"x_correlation_y": None if rests else pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-9)}


def test_tags_are_compared_in_frames_where_both_are_good() -> None:
    columns = {"x": [1.0, 2.0, 100.0, 3.0, None], "y": [2.0, 4.0, None, 6.0, 100.0]}
    extra = {"correlation": [{"tags": ["x", "y"]}], "ratio": [{"tags": ["x", "y"]}]}
    assert features(extra, TEN[:5], **columns) == {"x_correlation_y": pytest.approx(1.0), "x_per_y": 0.5}
    assert features(extra, TEN[:2], x=[1.0, 2.0], y=[0.0, 0.0]) == {"x_correlation_y": None, "x_per_y": None}


def test_time_in_a_state_stands_until_the_next_sample_but_not_over_a_gap() -> None:
    extra = {"time_in_state": [{"tags": ["mode"], "states": ["auto", "off"], "hold": "2s"}]}
    times = (0, SECOND, 2 * SECOND, 7 * SECOND, 9_500_000)
    found = features(extra, times, mode=["auto", "auto", "off", "auto", "auto"])
    assert found == {"mode_time_in_auto": 1 + 1 + 2 + 0.5, "mode_time_in_off": 2.0}


def test_time_in_a_state_of_a_boolean() -> None:
    extra = {"time_in_state": [{"tags": ["on"], "states": ["true"], "hold": "1min"}]}
    assert features(extra, TEN[:4], on=[True, None, False, True]) == {"on_time_in_true": 2.0 + 7.0}


def test_time_above_levels() -> None:
    extra = {"time_above": [{"tags": ["x"], "levels": [1, 2.5], "hold": "1s"}]}
    found = features(extra, TEN[:4], x=[1.0, 2.0, 3.0, None])
    assert found == {"x_time_above_1": 2.0, "x_time_above_2.5": 1.0}


def test_changes_of_numbers_states_and_booleans() -> None:
    columns = {"x": [1.0, 1.0, None, 2.0], "mode": ["a", "b", "a", None], "on": [True, True, True, True]}
    found = features({"changes": [{"tags": ["x", "mode", "on"]}]}, TEN[:4], **columns)
    assert found == {"x_changes": 1.0, "mode_changes": 2.0, "on_changes": 0.0}


def test_a_counter_that_falls_has_started_again() -> None:
    found = features({"increase": [{"tags": ["x"]}]}, TEN[:5], x=[10.0, 12.0, None, 3.0, 4.0])
    assert found == {"x_increase": 2.0 + 3.0 + 1.0}


def test_context_is_one_hot_and_a_share_where_it_changes() -> None:
    extra = {"context": [{"field": "product", "values": ["A", "B"]}]}
    made = pl.Series(["A", "A", "A", None, "C"], dtype=pl.String)
    assert features(extra, TEN[:5], **{"context/product": made}) == {"product_is_A": 0.75, "product_is_B": 0.0}
    unknown = pl.Series([None, None], dtype=pl.String)
    assert features(extra, TEN[:2], **{"context/product": unknown}) == {"product_is_A": None, "product_is_B": None}


@pytest.mark.parametrize(("mean", "regime"), [(0.0, 0), (200.0, 1), (500.0, 1), (900.0, 2)])
def test_a_regime_is_the_range_that_the_mean_lies_in(mean: float, regime: int) -> None:
    found = features({"regime": [{"tags": ["x"], "edges": [200, 800]}]}, TEN[:3], x=[mean, None, mean])
    assert list(found.values()) == [float(regime == number) for number in range(3)]


ALL: dict[str, Any] = {
    "quantiles": [{"tags": ["x"], "probabilities": [0.05, 0.9]}],
    "mad": [{"tags": ["x", "y"]}],
    "rate": [{"tags": ["x"]}],
    "ewma": [{"tags": ["x", "y"], "half_life": "1500ms"}],
    "lagged_means": [{"tags": ["x", "y"], "panes": 3}],
    "correlation": [{"tags": ["x", "y"]}],
    "ratio": [{"tags": ["y", "x"]}],
    "band_energy": [
        {"tags": ["x"], "rate_hz": 4, "coverage": 0.5, "bands_hz": [[0, 1], [1, 2]]},
        {"tags": ["wave"], "bands_hz": [[0, 10], [10, 32]]},
    ],
    "spectral_centroid": [{"tags": ["x", "y"], "rate_hz": 2, "coverage": 0.3}],
    "spectral_kurtosis": [{"tags": ["wave"], "segment": 8}],
    "envelope_energy": [{"tags": ["wave"], "carrier_hz": [8, 32], "bands_hz": [[1, 4]]}],
    "time_in_state": [{"tags": ["mode"], "states": ["a"], "hold": "1s"}],
    "time_above": [{"tags": ["x"], "levels": [0], "hold": "2s"}],
    "changes": [{"tags": ["x", "mode"]}],
    "increase": [{"tags": ["x"]}],
    "context": [{"field": "product", "values": ["A"]}],
    "regime": [{"tags": ["x"], "edges": [-1, 1]}],
}


def random_rows(seed: int, size: int) -> pl.DataFrame:
    """Return frames of three assets with gaps, bad samples and two lengths of waveforms."""
    random = np.random.default_rng(seed)
    waves = [random.normal(size=random.choice([40, 128])).tolist() for _ in range(size)]
    rows = pl.DataFrame(
        {
            "asset": random.choice(["a", "b", "c"], size),
            "time": np.sort(random.integers(0, 120, size)) * SECOND // 4,
            "x": random.normal(0, 3, size).round(2),
            "y": random.normal(1e6, 1, size),
            "wave": [{"rate_hz": 64.0, "samples": wave} for wave in waves],
            "mode": random.choice(["a", "b"], size),
            "context/product": random.choice(["A", "B"], size),
        }
    )
    bad = [pl.Series(random.random(size) < 0.3) for _ in rows.columns[2:]]
    marked = (
        pl.when(~pl.lit(mask)).then(pl.col(name)).alias(name) for name, mask in zip(rows.columns[2:], bad, strict=True)
    )
    return rows.with_columns(marked).unique(("asset", "time"), keep="first", maintain_order=True)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 5, 60, 200]), st.sampled_from([0, 1, 3]))
def test_bits_depend_on_the_window_alone(seed: int, size: int, hop: int) -> None:
    rows, made = random_rows(seed, size), definition(ALL, window=6, hop=hop)
    together = windows(rows, made, SECOND)
    assert_frame_equal(
        together, windows(rows.sample(fraction=1, shuffle=True, seed=seed), made, SECOND), check_exact=True
    )
    for row in together.sample(min(5, together.height), seed=seed).iter_rows(named=True):
        own = rows.filter(pl.col("asset") == row["asset"], pl.col("time").is_between(row["start"], row["time"] - 1))
        (alone,) = windows(own, made, SECOND).filter(time=row["time"]).to_dicts()
        assert alone == row


def test_without_rows_there_are_no_vectors() -> None:
    assert windows(random_rows(1, 5).clear(), definition(ALL), SECOND).is_empty()


def test_a_window_without_a_good_sample_has_no_value_of_any_kind() -> None:
    rows = random_rows(1, 40).with_columns(pl.lit(None, rows_dtype).alias(name) for name, rows_dtype in DTYPES.items())
    found = windows(rows, definition(ALL), SECOND)
    assert {value for vector in found["features"] for name, value in vector.items() if name != "x_good_ratio"} == {None}


DTYPES = dict(list(random_rows(1, 1).schema.items())[2:])


def test_a_constant_moves_nowhere_and_has_no_frequency() -> None:
    extra = {
        "rate": [{"tags": ["x"]}],
        "increase": [{"tags": ["x"]}],
        "mad": [{"tags": ["x"]}],
        "band_energy": [{"tags": ["x"], "rate_hz": 1, "bands_hz": [[0, 0.5]]}],
        "correlation": [{"tags": ["x", "y"]}],
        "spectral_centroid": [{"tags": ["x"], "rate_hz": 1}],
    }
    found = features(extra, x=[0.1] * 10, y=list(range(10)))
    undefined = {"x_correlation_y": None, "x_centroid": None}
    assert (
        found
        == dict.fromkeys(("x_mad", "x_rate_max", "x_rate_mean", "x_energy_0_0.5_hz", "x_increase"), 0.0) | undefined
    )


def test_what_overflows_is_null() -> None:
    found = features(
        {"ratio": [{"tags": ["x", "y"]}], "rate": [{"tags": ["x"]}]}, TEN[:2], x=[1e308, -1e308], y=[1e-308] * 2
    )
    assert not any(value is not None and not math.isfinite(value) for value in found.values())


def test_every_aggregate_has_a_unit_rule() -> None:
    made = FeatureDefinition(tags=("x",))
    units = {feature.statistic: feature.unit({"x": "bar"}) for feature in made.features}
    others = {"slope": "bar/s", "kurtosis": None, "crest_factor": None, "good_ratio": None}
    assert units == {str(aggregate): others.get(aggregate, "bar") for aggregate in Aggregate}
    assert [feature.name for feature in made.features if feature.about_data] == ["x_good_ratio"]


def test_bands_beyond_what_the_rate_can_tell_are_refused() -> None:
    with pytest.raises(ValueError, match="a band ends at 2 Hz, above half of `rate_hz`"):
        definition({"band_energy": [{"tags": ["x"], "rate_hz": 2, "bands_hz": [[0, 2]]}]})
