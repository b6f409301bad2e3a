"""Contributions against brute force: put a feature, or a tag, back to normal and see how far the score falls.

The bounds are what docs/inference.md tells; where the two must differ is told there, too.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from andon.models import Scorer
from bench.autoencoder import dense_autoencoder
from tests.models.dense import train_layers
from tests.models.sample import NAMES, normal, trained

Float64 = NDArray[np.float64]
WIDTH, TAGS, COUNT = len(NAMES), 3, 600
OF_TAG = WIDTH // TAGS
PROFILES = [trained().facts.reference.features[name] for name in NAMES]
MEAN = np.array([profile.mean for profile in PROFILES], np.float64)
STD = np.array([profile.std for profile in PROFILES], np.float64)
LEVELS = [NAMES.index(f"flow_{aggregate}") for aggregate in ("mean", "min", "max")]


@cache
def scorer(family: str) -> Scorer:
    if family == "pca":
        return Scorer(trained().onnx, features=WIDTH, threads=1)
    layers = train_layers((normal(400) - MEAN) / STD)
    return Scorer(dense_autoencoder(MEAN.astype(np.float32), STD.astype(np.float32), layers), features=WIDTH, threads=1)


def one_feature_off() -> Float64:
    """Return windows in each of which one feature is eight standard deviations off."""
    random, windows = np.random.default_rng(3), normal(COUNT, seed=9)
    column = random.integers(0, WIDTH, COUNT)
    windows[np.arange(COUNT), column] += random.choice([-8, 8], COUNT) * STD[column]
    return windows


def one_level_off() -> Float64:
    """Return windows in each of which one tag's level is off: its mean, minimum and maximum alike."""
    random, windows = np.random.default_rng(4), normal(COUNT, seed=10)
    tag, side = random.integers(0, TAGS, COUNT), random.choice([-4, 4], COUNT)
    for level in LEVELS:
        column = OF_TAG * tag + level
        windows[np.arange(COUNT), column] += side * STD[column]
    return windows


def contributions(family: str, windows: Float64) -> Float64:
    return scorer(family).score(windows.astype(np.float32)).contributions.astype(np.float64)


def occlusion(family: str, windows: Float64, width: int) -> Float64:
    """Return how far the score falls when *width* features at a time are normal, ``[n, d / width]``."""
    before = scorer(family).score(windows.astype(np.float32)).score
    falls = []
    for first in range(0, WIDTH, width):
        repaired = windows.copy()
        repaired[:, first : first + width] = MEAN[first : first + width]
        falls.append(before - scorer(family).score(repaired.astype(np.float32)).score)
    return np.array(falls).T


def by_tag(parts: Float64) -> Float64:
    return np.asarray(parts.reshape(len(parts), TAGS, OF_TAG).sum(axis=2))


def same_first(ours: Float64, others: Float64) -> float:
    """Return the share of windows of which both put the same first."""
    return float((ours.argmax(axis=1) == others.argmax(axis=1)).mean())


def overlap(ours: Float64, others: Float64) -> float:
    """Return the mean share of the first three that both name."""
    first = [np.argsort(-parts, axis=1)[:, :3] for parts in (ours, others)]
    return float(np.mean([len({*a} & {*b}) / 3 for a, b in zip(*first, strict=True)]))


def rank_correlation(ours: Float64, others: Float64) -> float:
    """Return Spearman's rank correlation, the mean over the windows."""
    ranks = [parts.argsort(axis=1).argsort(axis=1) - (parts.shape[1] - 1) / 2 for parts in (ours, others)]
    return float(np.mean((ranks[0] * ranks[1]).sum(axis=1) / (ranks[0] ** 2).sum(axis=1)))


@pytest.mark.parametrize(
    ("family", "first", "three", "correlation"), [("pca", 0.98, 0.7, 0.7), ("autoencoder", 0.75, 0.4, 0.2)]
)
def test_features_rank_as_by_occlusion(family: str, first: float, three: float, correlation: float) -> None:
    windows = one_feature_off()
    ours, brute = contributions(family, windows), occlusion(family, windows, 1)
    assert same_first(ours, brute) >= first
    assert overlap(ours, brute) >= three
    assert rank_correlation(ours, brute) >= correlation


@pytest.mark.parametrize(("family", "single"), [("pca", 0.98), ("autoencoder", 0.8)])
def test_the_tag_to_look_at_is_that_of_occlusion(family: str, single: float) -> None:
    for windows, bound in ((one_feature_off(), single), (one_level_off(), 0.95)):
        assert same_first(by_tag(contributions(family, windows)), occlusion(family, windows, OF_TAG)) >= bound


def test_occlusion_of_a_quadratic_score_counts_shared_parts_twice() -> None:
    """For z' W z it is 2 c_i - W_ii z_i^2, where c_i = z_i (W z)_i is the contribution."""
    windows = one_level_off()
    z = (windows.astype(np.float32).astype(np.float64) - MEAN) / STD
    unit = MEAN + STD * np.eye(WIDTH)  # a window with z_i = 1 alone scores W_ii
    diagonal = scorer("pca").score(unit.astype(np.float32)).score
    expected = 2 * contributions("pca", windows) - diagonal * z**2
    np.testing.assert_allclose(occlusion("pca", windows, 1), expected, rtol=1e-2, atol=0.05)


def test_features_that_move_together_hide_each_other_from_occlusion() -> None:
    """One of three put back to normal fits the other two even less: the score rises, where the parts stay positive."""
    windows = one_level_off()
    culprits = contributions("autoencoder", windows) > 1
    assert culprits.any()
    assert np.median(occlusion("autoencoder", windows, 1)[culprits]) < 0


def test_missing_features_have_no_part() -> None:
    windows = one_feature_off()
    windows[:, 0] = np.nan
    for family in ("pca", "autoencoder"):
        assert (contributions(family, windows)[:, 0] == 0).all()
