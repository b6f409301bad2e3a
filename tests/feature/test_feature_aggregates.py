"""Every aggregate against exact arithmetic, and the promise that nothing around a window changes its bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import median

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from andon.features.compute import windows
from andon.features.definition import Aggregate, FeatureDefinition

SECOND = 1_000_000
ONE_SECOND = FeatureDefinition(window=SECOND, tags=("x",))
HOPPING = FeatureDefinition(window=3 * SECOND, hop=SECOND, tags=("x", "y"))
SCAN = 100_000

Sample = tuple[int, Fraction]


def features(values: Sequence[float | None], times: Sequence[int] | None = None) -> dict[str, float | None]:
    """Return the features of one window of tag x."""
    times = times or range(0, SECOND, SECOND // max(len(values), 1))[: len(values)]
    rows = pl.DataFrame({"asset": "pump", "time": times, "x": pl.Series(values, dtype=pl.Float64)})
    found = windows(rows, ONE_SECOND, SCAN)
    assert found.height == 1
    return {str(name).removeprefix("x_"): value for name, value in found["features"][0].items()}


def mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction()) / len(values)


def moment(values: Sequence[Fraction], power: int) -> Fraction:
    return mean([(value - mean(values)) ** power for value in values])


def slope(samples: Sequence[Sample]) -> Fraction:
    time, value = mean([Fraction(t) for t, _ in samples]), mean([x for _, x in samples])
    shared = mean([(t - time) * (x - value) for t, x in samples])
    return shared / moment([Fraction(t) for t, _ in samples], 2) * SECOND


def root(square: Fraction) -> float:
    return math.sqrt(square)


def rms(values: Sequence[Fraction]) -> float:
    return root(mean([x**2 for x in values]))


def kurtosis(values: Sequence[Fraction]) -> Fraction:
    return moment(values, 4) / moment(values, 2) ** 2 if moment(values, 2) else Fraction()


def crest(values: Sequence[Fraction]) -> float:
    return float(max(map(abs, values))) / rms(values) if rms(values) else 0.0


REFERENCE: dict[Aggregate, Callable[[Sequence[Sample]], float | Fraction | None]] = {
    Aggregate.MEAN: lambda s: mean([x for _, x in s]),
    Aggregate.STD: lambda s: root(moment([x for _, x in s], 2) * len(s) / (len(s) - 1)) if len(s) > 1 else None,
    Aggregate.MIN: lambda s: min(x for _, x in s),
    Aggregate.MAX: lambda s: max(x for _, x in s),
    Aggregate.MEDIAN: lambda s: median(x for _, x in s),
    Aggregate.SLOPE: lambda s: slope(s) if len(s) > 1 else None,
    Aggregate.RMS: lambda s: rms([x for _, x in s]),
    Aggregate.PEAK_TO_PEAK: lambda s: max(x for _, x in s) - min(x for _, x in s),
    Aggregate.KURTOSIS: lambda s: kurtosis([x for _, x in s]),
    Aggregate.CREST_FACTOR: lambda s: crest([x for _, x in s]),
    Aggregate.GOOD_RATIO: lambda s: Fraction(len(s), 10),
}

readings = st.one_of(st.none(), st.integers(-(10**6), 10**6).map(lambda i: i / 1000))
window_of_samples = st.dictionaries(st.integers(0, SECOND - 1), readings, min_size=1, max_size=10)


@given(window_of_samples)
def test_every_aggregate_is_what_exact_arithmetic_says(window: dict[int, float | None]) -> None:
    found = features(list(window.values()), list(window))
    good = [(time, Fraction(value)) for time, value in window.items() if value is not None]
    for aggregate, reference in REFERENCE.items():
        expected = reference(good) if good or aggregate is Aggregate.GOOD_RATIO else None
        if expected is None:
            assert found[aggregate] is None
        else:
            assert found[aggregate] == pytest.approx(float(expected), rel=1e-7, abs=1e-6), aggregate


def test_small_changes_on_a_large_value_keep_their_digits() -> None:
    values = [1e9 + math.sin(i) for i in range(250)]
    times = range(0, SECOND, SECOND // 250)
    found = features(values, times)
    samples = [(time, Fraction(value)) for time, value in zip(times, values, strict=True)]
    for aggregate in set(Aggregate) - {Aggregate.GOOD_RATIO}:
        assert found[aggregate] == pytest.approx(float(REFERENCE[aggregate](samples) or 0), rel=1e-6), aggregate


@given(st.floats(-1e75, 1e75), st.integers(2, 50))
def test_a_constant_has_no_spread(value: float, samples: int) -> None:
    found = features([value] * samples)
    assert [found[name] for name in ("std", "slope", "peak_to_peak", "kurtosis")] == [0, 0, 0, 0]
    assert [found[name] for name in ("mean", "min", "max", "median")] == [value] * 4


def test_of_a_window_without_good_samples_only_the_good_ratio_is_known() -> None:
    found = features([None, None])
    assert found.pop("good_ratio") == 0
    assert set(found.values()) == {None}


def test_what_overflows_is_null_not_infinite() -> None:
    found = features([1e300, -1e300, 1.0])
    assert found["max"] == 1e300
    assert found["std"] is None
    assert found["kurtosis"] is None


def test_good_ratio_counts_missing_frames_and_bad_samples() -> None:
    assert features([1.0] * 10)["good_ratio"] == 1.0
    assert features([1.0] * 8)["good_ratio"] == 0.8
    assert features([1.0] * 8 + [None] * 2)["good_ratio"] == 0.8
    assert features([1.0] * 20)["good_ratio"] == 1.0


anything = st.floats(allow_nan=False, allow_infinity=False, width=64) | st.none()
frames = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 60).map(lambda i: i * 100_001)),
    st.tuples(anything, anything),
    min_size=1,
    max_size=60,
)


def assert_same_bits(frame: pl.DataFrame, seed: int) -> None:
    together = windows(frame, HOPPING, SCAN)
    alone = [windows(frame.filter(asset=asset), HOPPING, SCAN) for asset in frame["asset"].unique().sort()]
    mixed = frame.sample(fraction=1, shuffle=True, seed=seed)
    assert_frame_equal(together, pl.concat(alone), check_exact=True)
    assert_frame_equal(together, windows(mixed, HOPPING, SCAN), check_exact=True)


@given(frames, st.integers(0, 1000))
def test_bits_do_not_depend_on_order_or_neighbours(
    samples: dict[tuple[str, int], tuple[float | None, float | None]], seed: int
) -> None:
    rows = [(asset, time, x, y) for (asset, time), (x, y) in samples.items()]
    schema = {"asset": pl.String, "time": pl.Int64, "x": pl.Float64, "y": pl.Float64}
    assert_same_bits(pl.DataFrame(rows, schema, orient="row"), seed)


@pytest.mark.parametrize("rate", [7, 150, 1000])
def test_bits_do_not_depend_on_the_position_of_long_windows(rate: int) -> None:
    random = np.random.default_rng(rate)
    times = np.sort(random.choice(4 * SECOND, (3, 4 * rate), replace=False))
    values = random.normal(1e3, 1e-3, (2, times.size))
    assets = np.repeat(["a", "b", "c"], times.shape[1])
    frame = pl.DataFrame({"asset": assets, "time": times.ravel(), "x": values[0], "y": values[1]})
    assert_same_bits(frame, rate)
