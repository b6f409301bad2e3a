"""Feature vectors of a normal period in, a model with all that is to be said about it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.errors import TrainingError
from andon.features import FeatureDefinition
from andon.models import Bundle, Criterion, ModelFacts, Reference, ReferenceProfile, make_bundle
from services.trainer.facts import model_card, reference_profile, training_facts
from services.trainer.families import FAMILIES, Model, Period
from services.trainer.graph import verify
from services.trainer.leakage import refuse_leakage
from services.trainer.order import Order
from services.trainer.scaling import Float64
from services.trainer.split import Split, split_windows
from services.trainer.thresholds import choose_thresholds
from services.trainer.verdict import budget_kept, judge_training, share_kept


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model with what it learned from, ready to be sealed."""

    facts: ModelFacts
    onnx: bytes
    reference: bytes

    def seal(self, created: int) -> Bundle:
        """Return the model as a bundle made at *created*, microseconds UTC."""
        return make_bundle(self.facts, self.onnx, created=created, reference=self.reference)


def train_class(vectors: pl.DataFrame, order: Order) -> Trained:
    """Train the model of one asset class on windows of normal operation of its assets.

    Args:
        vectors: columns `asset`, `start`, `time` (the window's end), `good_ratio` and `features` (Struct), as
            in `andon.contracts.FeatureVector`; and, if it is known, `regime` (see `andon.features.regime`).
        order: what to train.

    Raises:
        TrainingError: the data does not allow an honest model; says why and what to do.
    """
    definition = order.asset_class.feature_definition
    refuse_leakage(definition.inputs)
    _check_features(vectors, definition.feature_names)
    return train_split(split_windows(vectors, definition, order.asset_class.model.min_good_ratio), order)


def train_split(split: Split, order: Order) -> Trained:
    """Train the model of one asset class on windows that are split already.

    Args:
        split: windows of normal operation, with all features of the class's definition.
        order: what to train.

    Raises:
        TrainingError: the data does not allow an honest model; says why and what to do.
    """
    definition = order.asset_class.feature_definition
    names = definition.feature_names
    period = _period(split, definition)
    model = FAMILIES[order.asset_class.model.family](period, order.effort)
    onnx = model.export()
    verify(onnx, model.contributions, np.concatenate([period.fit, period.calibration]))
    score = pl.Series(model.contributions(period.calibration).sum(axis=1))
    scores = split.calibration.select("asset", "time", _regime(split.calibration)).with_columns(score=score)
    return Trained(
        _facts(order, split, model, reference_profile(period.fit, model.scaling, names), scores, len(onnx)),
        onnx,
        _reference(split, period, model).render(),
    )


def _reference(split: Split, period: Period, model: Model) -> Reference:
    """Return the windows that drift is measured against: those learned from, and those that set the limits."""
    used, matrix = pl.concat([split.fit, split.calibration]), np.concatenate([period.fit, period.calibration])
    score = pl.Series("score", model.contributions(matrix).sum(axis=1), nan_to_null=True)
    regime = _regime(used)
    features = pl.DataFrame(matrix, schema=period.names, orient="row", nan_to_null=True)
    return Reference.of(features.with_columns(used["asset"], used["time"], regime, score), period.names)


def _regime(windows: pl.DataFrame) -> pl.Series:
    """Return the column `regime` of windows; an empty text where nobody told any."""
    if "regime" in windows.columns:
        return windows["regime"]
    return pl.Series("regime", [""]).new_from_index(0, windows.height)


def _period(split: Split, definition: FeatureDefinition) -> Period:
    asset = split.fit["asset"]
    return Period(
        fit=feature_matrix(split.fit, definition.feature_names),
        calibration=feature_matrix(split.calibration, definition.feature_names),
        names=definition.feature_names,
        ignored=_about_data(definition),
        asset=asset.rank("dense").to_numpy().astype(np.int64),
        overlap=definition.window // definition.step - 1,
    )


def feature_matrix(vectors: pl.DataFrame, names: tuple[str, ...]) -> Float64:
    """Return the features ``[n, d]`` of vectors in the order of *names*, NaN where missing.

    Rounded to float32, so that a model learns from the numbers that its graph will see.
    """
    columns = vectors["features"].struct.unnest().select(pl.col(names).cast(pl.Float32))
    return columns.to_numpy(order="c").astype(np.float64)


def _about_data(definition: FeatureDefinition) -> dict[int, str]:
    """Return the features that a model must not look at: a missing sample says nothing of the machine."""
    reason = "describes the data, not the machine"
    return {column: reason for column, feature in enumerate(definition.features) if feature.about_data}


def _check_features(vectors: pl.DataFrame, names: tuple[str, ...]) -> None:
    if not names:
        raise TrainingError("the class has no number or integer tag: add the tags to learn from to the plant model")
    there = vectors["features"].struct.fields
    if missing := [name for name in names if name not in there]:
        raise TrainingError(
            f"the vectors lack {len(missing)} features of the class, such as {missing[0]!r}: they were made by "
            "another feature definition, make them again"
        )


def _facts(
    order: Order, split: Split, model: Model, reference: ReferenceProfile, scores: pl.DataFrame, size: int
) -> ModelFacts:
    """Return what is to be said of *model*.

    Args:
        order: what was to be trained.
        split: the windows.
        model: what was learned of them.
        reference: what is normal.
        scores: asset, time, score and regime of the calibration windows.
        size: of the graph, bytes.
    """
    spec, definition = order.asset_class.model, order.asset_class.feature_definition
    chosen = choose_thresholds(scores, order)
    excluded = {definition.feature_names[column]: reason for column, reason in model.scaling.excluded.items()}
    training = training_facts(order, split, excluded)
    return ModelFacts(
        name=order.name,
        asset_class=order.class_name,
        family=spec.family,
        feature_definition=definition,
        feature_hash=definition.hash,
        features=definition.feature_names,
        threshold=chosen.threshold,
        regime_thresholds=dict(chosen.by_regime),
        min_good_ratio=spec.min_good_ratio,
        reference=reference,
        training=training,
        metrics={**model.metrics, **chosen.metrics},
        card=model_card(order, training),
        verdict=judge_training(
            alarms=_alarms_kept(order, chosen.metrics, chosen.windows),
            used=len(definition.feature_names) - len(excluded),
            features=len(definition.feature_names),
            size=size,
            max_size_mib=order.criteria.max_size_mib,
        ),
    )


def _alarms_kept(order: Order, metrics: Mapping[str, float], windows: int) -> Criterion:
    if order.false_alarms_per_week is None:
        return share_kept(metrics["calibration_alarms"], order.false_alarm_rate, windows)
    return budget_kept(metrics["calibration_alarms_per_week"], order.false_alarms_per_week, windows)
