"""What a fitted PCA model sees, and whom it blames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from andon.errors import TrainingError
from services.trainer.families import Effort, Period
from services.trainer.families.pca import fit_pca
from services.trainer.families.quadratic import Quadratic, shrunk_covariance
from services.trainer.graph import verify

Float64 = NDArray[np.float64]

WIDTH = 12


def windows(count: int, *, seed: int = 1, width: int = WIDTH, sources: int = 3) -> Float64:
    """Return windows whose features follow a few hidden sources, with noise; the mixture is always the same."""
    mixture = np.random.default_rng(0).normal(size=(sources, width))
    random = np.random.default_rng(seed)
    return random.normal(size=(count, sources)) @ mixture + 0.3 * random.normal(size=(count, width))


def names(width: int = WIDTH) -> list[str]:
    return [f"f{column}" for column in range(width)]


def model(fit: Float64 | None = None, calibration: Float64 | None = None) -> Quadratic:
    fit = windows(600) if fit is None else fit
    calibration = windows(200, seed=2) if calibration is None else calibration
    return fit_pca(Period(fit, calibration, names(fit.shape[1])), Effort())


def score(fitted: Quadratic, matrix: Float64) -> Float64:
    return np.asarray(fitted.contributions(matrix).sum(axis=1))


def occlusion(fitted: Quadratic, window: Float64) -> Float64:
    """Return by how much the score falls when a feature is set to its mean, feature by feature."""
    drops = []
    for column in range(len(window)):
        without = window.copy()
        without[column] = fitted.scaling.centre[column]
        drops.append(score(fitted, window[None])[0] - score(fitted, without[None])[0])
    return np.array(drops)


@settings(deadline=None)
@given(st.integers(0, WIDTH - 1), st.sampled_from([-1, 1]), st.integers(0, 1_000))
def test_a_single_disturbed_feature_takes_the_blame_and_occlusion_agrees(column: int, sign: int, seed: int) -> None:
    fitted = model()
    window = windows(1, seed=seed)[0]
    window[column] = fitted.scaling.centre[column] + sign * 10 * fitted.scaling.spread[column]
    contributions = fitted.contributions(window[None])[0]
    assert np.argmax(contributions) == column
    assert np.argmax(occlusion(fitted, window)) == column
    np.testing.assert_allclose(contributions.sum(), score(fitted, window[None])[0])


def test_of_two_disturbed_features_the_more_disturbed_is_blamed_more_as_by_occlusion() -> None:
    fitted = model()
    window = fitted.scaling.centre.copy()
    window[2] += 12 * fitted.scaling.spread[2]
    window[7] -= 6 * fitted.scaling.spread[7]
    by_contribution = np.argsort(-fitted.contributions(window[None])[0])[:2]
    assert by_contribution.tolist() == np.argsort(-occlusion(fitted, window))[:2].tolist() == [2, 7]


def test_broken_correlation_is_seen_where_every_feature_alone_looks_normal() -> None:
    load = np.random.default_rng(3).normal(size=(900, 1))
    pair = np.hstack([load, load, load]) + 0.05 * np.random.default_rng(4).normal(size=(900, 3))
    fitted = model(pair[:600], pair[600:])
    together, apart = score(fitted, np.array([[1.5, 1.5, 1.5], [1.5, -1.5, 1.5]]))
    assert together < 1 < 10 < apart


def test_fewer_windows_than_features_still_give_a_model() -> None:
    few = windows(20, width=60)
    fitted = model(few, windows(12, seed=2, width=60))
    assert 0 < fitted.metrics["shrinkage"] < 1
    normal, broken = windows(200, seed=3, width=60), np.random.default_rng(5).normal(size=(200, 60)) * few.std(axis=0)
    assert np.median(score(fitted, broken)) > 3 * np.median(score(fitted, normal))


def test_shrinkage_is_that_of_ledoit_and_wolf() -> None:
    z = windows(30)
    z -= z.mean(axis=0)
    n, d = z.shape
    sample = sum(np.outer(row, row) for row in z) / n
    target = np.trace(sample) / d * np.eye(d)
    noise = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in z) / n**2
    expected = noise / np.sum((sample - target) ** 2)
    shrunk, intensity = shrunk_covariance(z)
    np.testing.assert_allclose(intensity, expected)
    np.testing.assert_allclose(shrunk, expected * target + (1 - expected) * sample)


def test_shrinkage_fades_with_more_windows() -> None:
    assert shrunk_covariance(windows(5_000))[1] < 0.01 < shrunk_covariance(windows(20))[1]


def test_a_feature_that_never_moved_is_left_out_and_never_blamed() -> None:
    fit, calibration = windows(600), windows(200, seed=2)
    fit[:, 4] = calibration[:, 4] = 230.0
    fit[7, 4] = 230.1  # once in 600 windows is not moving either
    fitted = model(fit, calibration)
    assert fitted.scaling.excluded == {4: "did not move in the normal period"}
    window = windows(1, seed=9)
    before = score(fitted, window)
    window[0, 4] = 1e9
    assert score(fitted, window) == before
    assert fitted.contributions(window)[0, 4] == 0


def test_a_feature_that_is_mostly_missing_is_left_out() -> None:
    fit = windows(600)
    fit[:400, 3] = np.nan
    fit[:, 5] = np.nan
    assert model(fit).scaling.excluded == {3: "is missing in 67% of the windows", 5: "has no value in any window"}


def test_a_few_missing_values_do_no_harm() -> None:
    fit = windows(600)
    fit[np.random.default_rng(6).random(fit.shape) < 0.05] = np.nan
    window = windows(100, seed=9)
    ratio = score(model(fit), window) / score(model(), window)
    assert 0.8 < np.median(ratio) < 1.25


def test_outliers_in_the_normal_period_do_not_define_normal() -> None:
    fit = windows(600)
    fit[100:105] += 1_000
    clean, dirty = model(), model(fit)
    np.testing.assert_allclose(dirty.scaling.centre, clean.scaling.centre, atol=0.2)
    np.testing.assert_allclose(dirty.scaling.spread, clean.scaling.spread, rtol=0.5)


def test_identical_features_do_not_turn_rounding_into_alarms() -> None:
    load = np.random.default_rng(7).normal(size=(900, 1))
    twins = np.hstack([load, load])
    fitted = model(twins[:600], twins[600:])
    usual = np.array([[1.0, 1.0 + 1e-4]])
    assert score(fitted, usual)[0] < 1


@pytest.mark.parametrize(
    ("fit", "reason"),
    [
        (np.full((50, 3), np.nan), "has no value in any window"),
        (np.full((50, 3), 7.0), "did not move in the normal period"),
        (np.where(np.eye(50, 3) > 0, 1.0, np.nan), "is missing in 98% of the windows"),
    ],
)
def test_nothing_to_learn_from_is_said_with_the_reason(fit: Float64, reason: str) -> None:
    with pytest.raises(TrainingError, match=f"none of the 3 features.*f0 {reason}.*Check that the recording"):
        model(fit, fit)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 1_000),
    width=st.integers(1, 40),
    exponents=st.lists(st.integers(-3, 6), min_size=40, max_size=40),
    offsets=st.lists(st.sampled_from([0.0, 1.0, 1e3, 1e5]), min_size=40, max_size=40),
)
def test_onnx_runtime_computes_what_numpy_does(
    seed: int, width: int, exponents: list[int], offsets: list[float]
) -> None:
    size = 10.0 ** np.array(exponents[:width])
    shift = size * np.array(offsets[:width])
    fit, calibration, live = (windows(count, seed=seed + count, width=width) * size + shift for count in (60, 30, 40))
    live[::7, 0] = np.nan
    live[::5] += 50 * size
    fitted = model(fit, calibration)
    verify(fitted.export(), fitted.contributions, np.concatenate([fit, calibration, live]))
