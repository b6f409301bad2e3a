"""From windows of a normal period to a model with everything that is to be said about it."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from andon.errors import TrainingError
from andon.models import Scorer, make_bundle
from andon.plant import AssetClass
from services.trainer import graph
from services.trainer.families import FAMILIES, Effort
from services.trainer.split import split_windows
from services.trainer.train import train_class
from tests.models.sample import DEFINITION, NAMES, PUMP, normal, order, trained, vectors

WINDOW = DEFINITION.window


def test_normal_windows_are_normal_and_a_broken_machine_is_not() -> None:
    facts, onnx = trained().facts, trained().onnx
    scorer = Scorer(onnx, features=len(NAMES), threads=1)
    later = normal(5_000, seed=8).astype(np.float32)
    assert (scorer.score(later).score > facts.threshold).mean() < 0.005
    dry = later[:100].copy()
    dry[:, 0] /= 2  # the flow halves, the power does not
    assert (scorer.score(dry).score > facts.threshold).all()


def test_the_facts_say_where_the_model_comes_from() -> None:
    training = trained().facts.training
    assert training.fit_windows + training.calibration_windows + training.set_aside_windows == 400
    assert (training.first, training.last) == (0, 400 * WINDOW)
    assert training.assets == ("hall/pump-1",)
    assert trained().facts.metrics["calibration_alarms"] <= training.false_alarm_rate + 1 / training.calibration_windows
    assert "1970-01-01T00:00:00.000+00:00 to 1970-01-01T01:06:40.000+00:00" in trained().facts.card.data


def test_the_same_data_gives_the_same_version() -> None:
    again = train_class(vectors(normal(400)), order())
    versions = {make_bundle(model.facts, model.onnx, created=1).manifest.version for model in (trained(), again)}
    assert len(versions) == 1


def test_the_order_of_the_rows_does_not_matter() -> None:
    shuffled = vectors(normal(400)).sample(fraction=1, shuffle=True, seed=1)
    assert train_class(shuffled, order()) == trained()


def test_each_asset_is_split_by_time_with_a_window_between() -> None:
    fleet = pl.concat([vectors(normal(100)), vectors(normal(40), asset="hall/pump-2")])
    split = split_windows(fleet, DEFINITION, 0.7)
    for asset, count in (("hall/pump-1", 100), ("hall/pump-2", 40)):
        fit, calibration = (part.filter(asset=asset) for part in (split.fit, split.calibration))
        assert (fit.height, calibration.height) == (round(count * 0.7), round(count * 0.3) - 1)
        assert calibration["start"].to_list()[0] == fit["time"].to_list()[-1] + WINDOW
    assert split.set_aside == 2


def test_overlapping_windows_share_no_sample_across_the_split() -> None:
    hopping = vectors(normal(200)).with_columns(
        start=pl.int_range(200) * 1_000_000, time=pl.int_range(200) * 1_000_000 + WINDOW
    )
    split = split_windows(hopping, DEFINITION, 0.7)
    assert split.calibration["start"].to_list()[0] == split.fit["time"].to_list()[-1] + WINDOW


def test_windows_of_bad_samples_are_set_aside() -> None:
    spoiled = vectors(normal(400)).with_columns(good_ratio=pl.when(pl.int_range(400) < 100).then(0.69).otherwise(1.0))
    training = train_class(spoiled, order()).facts.training
    assert training.first == 100 * WINDOW
    assert training.set_aside_windows == 101


def test_too_few_windows_are_refused_with_the_number_that_is_missing() -> None:
    with pytest.raises(TrainingError, match=r"17 to fit on .* and 7 to calibrate .*About 10 more .*record 100 s more"):
        train_class(vectors(normal(25)), order())
    with pytest.raises(TrainingError, match="0 to fit on"):
        train_class(vectors(normal(0)), order())
    bad = vectors(normal(400)).with_columns(good_ratio=0.1)
    with pytest.raises(TrainingError, match=r"400 more have a good_ratio below 0\.7"):
        train_class(bad, order())


def test_vectors_of_another_definition_are_refused() -> None:
    other = vectors(normal(400)).with_columns(features=pl.struct(flow_mean=pl.lit(1.0)))
    with pytest.raises(TrainingError, match="lack 11 features of the class, such as 'flow_std'"):
        train_class(other, order())


def test_a_machine_at_rest_teaches_nothing() -> None:
    with pytest.raises(TrainingError, match="did not move in the normal period"):
        train_class(vectors(np.ones((400, len(NAMES)))), order())
    with pytest.raises(TrainingError, match="has no value in any window"):
        train_class(vectors(np.full((400, len(NAMES)), np.nan)), order())


def test_features_that_are_not_used_are_named() -> None:
    features = normal(400)
    features[:, 1], features[:, 5] = 0.0, np.nan
    facts = train_class(vectors(features), order()).facts
    assert facts.training.excluded_features == {
        "flow_std": "did not move in the normal period",
        "pressure_std": "has no value in any window",
    }
    assert "It does not look at: flow_std, pressure_std." in facts.card.limits
    assert facts.reference.features["pressure_std"].mean is None


def test_a_tighter_budget_raises_the_threshold() -> None:
    careful = train_class(vectors(normal(400)), dataclasses.replace(order(), false_alarm_rate=1e-5))
    assert careful.facts.threshold > trained().facts.threshold


def test_a_budget_of_alarms_a_week_is_promised_and_shown_beside_what_was_achieved() -> None:
    facts = train_class(vectors(normal(400)), dataclasses.replace(order(), false_alarms_per_week=1.0)).facts
    assert facts.training.false_alarms_per_week == 1
    assert facts.metrics["calibration_alarms_per_week"] <= 1
    assert facts.threshold > trained().facts.threshold
    assert facts.verdict is not None
    assert facts.verdict.criteria[0].name == "calibration_alarms_per_week"


@pytest.mark.parametrize("tag", ["anomaly", "is_anomaly", "pump_label", "changepoint", "next_pressure", "flow_ahead"])
def test_a_label_or_a_look_ahead_among_the_features_is_refused_by_name(tag: str) -> None:
    leaky = dataclasses.replace(order(), asset_class=AssetClass.model_validate({"tags": {"flow": {}, tag: {}}}))
    with pytest.raises(TrainingError, match=f"must not know the answer: {tag} is named like"):
        train_class(vectors(normal(400)), leaky)


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - {"convolution", "forecaster"}))
def test_every_family_makes_a_bundle_that_keeps_watch(family: str) -> None:
    spec = PUMP.model.model_copy(update={"family": family})
    quick = Effort(epochs=20, patience=5)
    ordered = dataclasses.replace(order(), asset_class=PUMP.model_copy(update={"model": spec}), effort=quick)
    made = train_class(vectors(normal(400)), ordered)
    assert made.facts.family == family
    scorer = Scorer(make_bundle(made.facts, made.onnx, created=1).onnx, features=len(NAMES), threads=1)
    later = normal(1_000, seed=8).astype(np.float32)
    assert (scorer.score(later).score > made.facts.threshold).mean() < 0.03
    worn = later + 6 * later.std(axis=0)
    assert (scorer.score(worn).score > made.facts.threshold).mean() > 0.99


def test_without_onnx_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(graph, "import_module", missing)
    with pytest.raises(TrainingError, match=r"pip install 'andon\[train\]'"):
        train_class(vectors(normal(400)), order())
