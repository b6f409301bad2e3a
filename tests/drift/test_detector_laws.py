"""Laws that every detector of drift passes, whatever it watches."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.drift.detectors.adwin import Adwin
from services.drift.detectors.components import Components, principal_directions
from services.drift.detectors.cusum import Cusum, VarianceCusum
from services.drift.detectors.detector import Detector
from services.drift.detectors.e_detector import EDetector, gaussian_cumulants
from services.drift.detectors.ewma import Ewma, VarianceEwma
from services.drift.detectors.grid import even_grid, quantile_grid
from services.drift.detectors.jensen_shannon import JensenShannon
from services.drift.detectors.kolmogorov_smirnov import KolmogorovSmirnov
from services.drift.detectors.mmd import Mmd, fourier_features
from services.drift.detectors.page_hinkley import PageHinkley
from services.drift.detectors.psi import Psi
from services.drift.detectors.verdicts import verdict_detector
from services.drift.detectors.wasserstein import Wasserstein

Floats = NDArray[np.float64]
Make = Callable[[], Detector]
D, FEATURES = 4, 3
#: The same for every stream, so that streams can change places.
REFERENCE = np.repeat(np.random.default_rng(0).standard_normal((2_000, 1)), D, axis=1)
VECTORS = np.random.default_rng(1).standard_normal((2_000, FEATURES)) @ np.array(
    [[1, 0.9, 0], [0, 0.4, 0], [0, 0, 1.0]]
)
TILTS = np.array([0.1, 0.5, -0.1, -0.5])

SINGLE: dict[str, Make] = {
    "adwin": lambda: Adwin(D),
    "cusum": lambda: Cusum(D),
    "variance_cusum": lambda: VarianceCusum(D),
    "e_detector": lambda: EDetector(TILTS, gaussian_cumulants(TILTS, D)),
    "verdicts": lambda: verdict_detector(D, 0.8),
    "ewma": lambda: Ewma(D),
    "variance_ewma": lambda: VarianceEwma(D),
    "page_hinkley": lambda: PageHinkley(D),
    "psi": lambda: Psi(quantile_grid(REFERENCE), half_life=50, least=20),
    "kolmogorov_smirnov": lambda: KolmogorovSmirnov(quantile_grid(REFERENCE), half_life=50, least=20),
    "wasserstein": lambda: Wasserstein(even_grid(REFERENCE), half_life=50, least=20),
    "jensen_shannon": lambda: JensenShannon(quantile_grid(REFERENCE), half_life=50, least=20),
}
JOINT: dict[str, Make] = {
    "components": lambda: Components(D, principal_directions(VECTORS), half_life=20),
    "mmd": lambda: Mmd(D, fourier_features(VECTORS, size=128), half_life=20),
}
EVERY = pytest.mark.parametrize("make", [*SINGLE.values(), *JOINT.values()], ids=[*SINGLE, *JOINT])


def _values(make: Make, rows: int, seed: int, missing: float = 0.0) -> Floats:
    """Return rows of what the detector takes, some of them missing."""
    random = np.random.default_rng(seed)
    values: Floats
    if make in JOINT.values():
        values = VECTORS[random.integers(0, len(VECTORS), (rows, D))]
    else:
        values = random.standard_normal((rows, D))
    values[random.random((rows, D)) < missing] = np.nan
    return values


def _bits(detector: Detector) -> object:
    return json.loads(json.dumps(dict(detector.snapshot())))


@EVERY
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 120), max_size=6), seed=st.integers(0, 9), missing=st.sampled_from([0.0, 0.3]))
def test_any_split_of_the_rows_gives_the_same_bits(make: Make, cuts: list[int], seed: int, missing: float) -> None:
    values = _values(make, 120, seed, missing)
    whole, split = make(), make()
    whole.update(values)
    for first, last in pairwise([0, *sorted(cuts), 120]):
        split.update(values[first:last])
    assert _bits(split) == _bits(whole)


@EVERY
@settings(max_examples=10, deadline=None)
@given(cut=st.integers(0, 120), seed=st.integers(0, 9))
def test_a_restored_detector_goes_on_as_if_nothing_had_been(make: Make, cut: int, seed: int) -> None:
    values = _values(make, 120, seed)
    whole, first, second = make(), make(), make()
    whole.update(values)
    first.update(values[:cut])
    second.update(_values(make, 30, 99))  # what it held is replaced
    second.restore(json.loads(json.dumps(dict(first.snapshot()))))
    second.update(values[cut:])
    assert _bits(second) == _bits(whole)
    np.testing.assert_array_equal(second.statistic, whole.statistic)


@EVERY
def test_single_streams_are_restored_where_they_are_wanted(make: Make) -> None:
    old, new = make(), make()
    old.update(_values(make, 120, 1))
    new.update(_values(make, 60, 2))
    before = new.statistic
    new.restore(old.snapshot(np.array([0, 2])), np.array([3, 1]))
    expected = before.copy()
    expected[[3, 1]] = old.statistic[[0, 2]]
    np.testing.assert_array_equal(new.statistic, expected)


@EVERY
def test_a_row_without_a_value_leaves_a_stream_as_it_was(make: Make) -> None:
    values = _values(make, 100, 3)
    dense, sparse = make(), make()
    dense.update(values)
    gaps = np.full((200, *values.shape[1:]), np.nan)
    gaps[::2] = values
    sparse.update(gaps)
    assert _bits(sparse) == _bits(dense)


@EVERY
def test_streams_know_nothing_of_each_other(make: Make) -> None:
    values = _values(make, 100, 4)
    order = np.array([2, 0, 3, 1])
    straight, turned, beside_others = make(), make(), make()
    straight.update(values)
    turned.update(values[:, order])
    others = np.full_like(values, 7.0)
    others[:, 1] = values[:, 1]
    beside_others.update(others)
    np.testing.assert_allclose(turned.statistic, straight.statistic[order], rtol=1e-12)
    np.testing.assert_allclose(beside_others.statistic[1], straight.statistic[1], rtol=1e-12)


@EVERY
def test_a_reset_stream_is_as_new_and_the_others_are_as_they_were(make: Make) -> None:
    used, new = make(), make()
    used.update(_values(make, 100, 5))
    before = used.statistic
    used.reset(np.array([False, True, False, False]))
    assert used.snapshot(np.array([1])) == new.snapshot(np.array([1]))
    np.testing.assert_array_equal(used.statistic[[0, 2, 3]], before[[0, 2, 3]])
    used.reset()
    assert _bits(used) == _bits(new)


@EVERY
def test_state_does_not_grow(make: Make) -> None:
    detector = make()
    detector.update(_values(make, 1_000, 6))
    before = detector.bytes_per_stream, len(json.dumps(_bits(detector)))
    detector.update(_values(make, 10_000 if make in JOINT.values() else 30_000, 7))
    after = detector.bytes_per_stream, len(json.dumps(_bits(detector)))
    if isinstance(detector, Adwin):  # with the logarithm of its window, which is cut now and then
        assert after[0] < 2_500
    else:
        assert after == before


@EVERY
@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e300, -1e300, 0.0], ids=str)
def test_whatever_a_sensor_says_the_statistic_is_a_number(make: Make, odd: float) -> None:
    detector = make()
    values = _values(make, 400, 8)
    values[100:300, 0] = odd
    values[100:300, 1] = np.nan
    detector.update(values)
    assert np.isfinite(detector.statistic).all()
    assert (detector.statistic >= 0).all()


@EVERY
def test_nothing_at_all_is_no_change(make: Make) -> None:
    detector, new = make(), make()
    detector.update(np.full_like(_values(make, 5, 0), np.nan))
    detector.update(_values(make, 0, 0))
    assert _bits(detector) == _bits(new)


@EVERY
def test_a_larger_shift_raises_the_statistic_more(make: Make) -> None:
    normal, after = _values(make, 600, 9), _values(make, 60, 10)
    shifts = np.array([0.0, 1.0, 2.0, 4.0]).reshape(D, *[1] * (after.ndim - 2))
    detector = make()
    detector.update(np.repeat(normal[:, :1], D, axis=1))
    detector.update(np.repeat(after[:, :1], D, axis=1) + shifts)
    statistic = detector.statistic
    assert (np.diff(statistic) >= 0).all()
    assert statistic[3] > statistic[0]


@EVERY
def test_values_of_another_shape_are_refused(make: Make) -> None:
    detector = make()
    with pytest.raises(ValueError, match="takes"):
        detector.update(np.zeros((3, D + 1)))


@EVERY
def test_foreign_and_damaged_snapshots_are_refused_and_change_nothing(make: Make) -> None:
    detector = make()
    detector.update(_values(make, 50, 11))
    good = dict(detector.snapshot())
    before = _bits(detector)
    key = next(key for key in good if key != "detector")
    other = SINGLE["cusum"]().snapshot() if make is not SINGLE["cusum"] else SINGLE["ewma"]().snapshot()
    damaged = [good | {key: "AAAA"}, good | {key: "?"}, good | {"detector": "else"}, {}, other]
    for snapshot in [*damaged, detector.snapshot(np.array([1, 2]))]:
        with pytest.raises(ValueError, match="start it anew"):
            detector.restore(snapshot)
    assert _bits(detector) == before
