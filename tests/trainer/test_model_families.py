"""Every model family obeys the same laws; what is special to one is tested below."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from andon.errors import TrainingError
from andon.models import Scorer
from services.trainer.families import FAMILIES, Effort, Model, Period
from services.trainer.families.fitting import fit_network, torch_seeded
from services.trainer.graph import verify
from services.trainer.scaling import Float64

TAGS, PARTS = 3, 8
NAMES = [f"tag{tag}_mean_{part}of{PARTS}" for tag in range(TAGS) for part in range(1, PARTS + 1)]
QUICK = Effort(epochs=15, patience=5)
EVERY = pytest.mark.parametrize("family", sorted(FAMILIES))
NEURAL = ["convolution", "dense", "forecaster"]


def windows(count: int, *, seed: int) -> Float64:
    """Return windows in which two tags follow a slow wave and a third follows their sum, with noise: units differ."""
    random = np.random.default_rng(seed)
    phase = random.uniform(0, 6, size=(count, 1)) + 0.3 * np.arange(PARTS)
    tags = np.stack([np.sin(phase), np.cos(phase), np.sin(phase) + np.cos(phase)])
    noisy = tags + 0.1 * random.normal(size=tags.shape)
    scaled = noisy * np.array([1.0, 50.0, 1e-3])[:, None, None] + np.array([0.0, 1e3, 5.0])[:, None, None]
    return np.asarray(scaled.transpose(1, 0, 2).reshape(count, -1))


def period(count: int = 300) -> Period:
    return Period(windows(count, seed=1), windows(150, seed=2), NAMES)


@cache
def model(family: str) -> Model:
    return FAMILIES[family](period(), QUICK)


def score(fitted: Model, matrix: Float64) -> Float64:
    return np.asarray(fitted.contributions(matrix).sum(axis=1))


@EVERY
def test_normal_windows_score_about_one_and_a_broken_machine_does_not(family: str) -> None:
    later, broken = windows(1_000, seed=3), windows(100, seed=4)
    assert np.quantile(score(model(family), later), 0.95) < 2
    broken[:, PARTS - 1 :: PARTS] += 8 * later.std(axis=0)[PARTS - 1 :: PARTS]
    assert np.median(score(model(family), broken)) > np.quantile(score(model(family), later), 0.99)


@EVERY
def test_onnx_runtime_reproduces_the_model_on_a_thousand_samples(family: str) -> None:
    odd = windows(1_000, seed=5)
    odd[::7, 3] = np.nan
    odd[::50] *= 1_000
    verify(model(family).export(), model(family).contributions, odd)


@EVERY
def test_the_same_seed_and_data_give_the_same_graph(family: str) -> None:
    assert FAMILIES[family](period(), QUICK).export() == model(family).export()


@EVERY
def test_scores_do_not_depend_on_the_other_windows_and_the_input_stays_as_it_is(family: str) -> None:
    rows = windows(50, seed=6)
    before = rows.copy()
    together = score(model(family), rows)
    alone = np.concatenate([score(model(family), rows[i : i + 1]) for i in range(len(rows))])
    np.testing.assert_allclose(together, alone, rtol=1e-4)
    np.testing.assert_array_equal(rows, before)


@EVERY
def test_a_window_without_values_has_a_score(family: str) -> None:
    nothing = np.full((1, len(NAMES)), np.nan)
    scores = Scorer(model(family).export(), features=len(NAMES), threads=1).score(nothing.astype(np.float32))
    assert np.isfinite(scores.score).all()
    np.testing.assert_allclose(scores.score, score(model(family), nothing), atol=1e-4)


@EVERY
def test_features_that_do_not_move_or_are_ignored_are_never_blamed(family: str) -> None:
    still = period()
    for part in (still.fit, still.calibration):
        part[:, :PARTS] = 7.0
    fitted = FAMILIES[family](dataclasses.replace(still, ignored={PARTS: "is ignored"}), QUICK)
    assert set(fitted.scaling.excluded) == {*range(PARTS), PARTS}
    parts = fitted.contributions(windows(20, seed=7))
    assert not parts[:, : PARTS + 1].any()
    assert parts.any()


@EVERY
def test_a_period_in_which_nothing_moves_is_refused(family: str) -> None:
    rest = Period(np.ones((50, len(NAMES))), np.ones((20, len(NAMES))), NAMES)
    with pytest.raises(TrainingError, match="did not move in the normal period"):
        FAMILIES[family](rest, QUICK)


@pytest.mark.parametrize("family", ["convolution", "forecaster"])
def test_sequence_models_refuse_features_that_are_no_series(family: str) -> None:
    plain = dataclasses.replace(period(), names=[f"f{column}" for column in range(len(NAMES))])
    with pytest.raises(TrainingError, match="add `lagged_means` to the features"):
        FAMILIES[family](plain, QUICK)


def test_robust_covariance_refuses_too_few_windows_and_believes_the_majority() -> None:
    with pytest.raises(TrainingError, match="of 24 features needs 72 windows, there are 50"):
        FAMILIES["robust"](period(50), QUICK)
    random = np.random.default_rng(8)
    fit, calibration, broken = (random.normal(size=(count, 3)) for count in (300, 100, 100))
    fit[:45] += 6
    dirty = Period(fit, calibration, ["a", "b", "c"])
    assert np.median(score(FAMILIES["robust"](dirty, QUICK), broken + 6)) > 5
    assert np.median(score(FAMILIES["pca"](dirty, QUICK), broken + 6)) < 5


def test_a_tag_that_drifts_counts_less_than_one_that_stands_still() -> None:
    random = np.random.default_rng(9)
    fit = random.normal(size=(400, 2))
    fit[:, 0] += np.linspace(0, 6, 400)
    fitted = FAMILIES["rolling"](Period(fit, fit[:0], ["drifts", "stands"]), QUICK)
    centre, spread = fitted.scaling.centre, fitted.scaling.spread
    moved = centre + 4 * np.diag(spread)
    drifted, stood = score(fitted, moved)
    assert stood > 1.5 * drifted


def test_blocks_that_overlap_too_much_are_refused() -> None:
    short = Period(np.random.default_rng(1).normal(size=(40, 2)), np.empty((0, 2)), ["a", "b"], overlap=29)
    with pytest.raises(TrainingError, match="record at least 240 windows"):
        FAMILIES["rolling"](short, QUICK)


@pytest.mark.parametrize("family", NEURAL)
def test_a_fit_that_was_cut_short_goes_on_from_its_checkpoint(family: str, tmp_path: Path) -> None:
    kept = dataclasses.replace(QUICK, checkpoint=tmp_path / "fit")
    FAMILIES[family](period(), dataclasses.replace(kept, epochs=6))
    resumed = FAMILIES[family](period(), kept)
    assert resumed.metrics == model(family).metrics
    assert resumed.export() == model(family).export()


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    kept = dataclasses.replace(QUICK, epochs=1, checkpoint=tmp_path / "fit")
    FAMILIES["dense"](period(), kept)
    with pytest.raises(TrainingError, match="delete it, or name another file"):
        FAMILIES["dense"](period(200), kept)


@pytest.mark.parametrize("family", NEURAL)
def test_a_loss_that_is_no_number_is_refused(family: str) -> None:
    with pytest.raises(TrainingError, match="lower the learning rate"):
        FAMILIES[family](period(), dataclasses.replace(QUICK, learning_rate=1e30))


def test_fitting_stops_without_progress() -> None:
    random = np.random.default_rng(1)
    noise = (random.normal(size=(100, 2)), random.normal(size=(100, 2)))
    linear = torch_seeded(QUICK).nn.Linear(1, 1)
    columns = (np.array([0]), np.array([1]))
    assert fit_network(linear, noise, columns, Effort(epochs=500, patience=3, learning_rate=0.1)).epochs < 100


@pytest.mark.parametrize("family", ["dense", "forest"])
def test_a_missing_package_is_named(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("services.trainer.families.packages.import_module", missing)
    with pytest.raises(TrainingError, match=r"needs the package .*pip install 'andon\[train\]'"):
        FAMILIES[family](period(), QUICK)
