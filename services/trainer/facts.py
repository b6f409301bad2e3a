"""What a bundle says of a model's origin: reference profile, training facts and model card."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from andon.clock import SECOND, isoformat
from andon.models import FeatureProfile, ModelCard, ReferenceProfile, TrainingFacts
from andon.models.manifest import QUANTILE_LEVELS
from services.trainer.order import Order
from services.trainer.scaling import Float64, Scaling
from services.trainer.split import Split


def reference_profile(fit: Float64, scaling: Scaling, names: tuple[str, ...]) -> ReferenceProfile:
    """Return how the features of fitted windows ``[n, d]`` are distributed."""
    return ReferenceProfile(
        windows=len(fit),
        features={
            name: _profile(fit[:, column], float(scaling.centre[column]), float(scaling.spread[column]))
            for column, name in enumerate(names)
        },
    )


def _profile(values: Float64, mean: float, std: float) -> FeatureProfile:
    there = values[~np.isnan(values)]
    if not len(there):
        return FeatureProfile(mean=None, std=None, quantiles=None)
    return FeatureProfile(
        mean=mean,
        std=None if np.isnan(std) else std,
        quantiles=tuple(float(quantile) for quantile in np.quantile(there, QUANTILE_LEVELS)),
    )


def training_facts(order: Order, split: Split, excluded: Mapping[str, str]) -> TrainingFacts:
    """Return where a model comes from; *excluded* are features that it does not look at, with the reason."""
    used = pl.concat([split.fit, split.calibration])
    first, last = used.select(pl.col("start").min(), pl.col("time").max()).row(0)
    return TrainingFacts(
        data=order.data,
        plant=order.plant,
        assets=tuple(used["asset"].unique().sort()),
        first=first,
        last=last,
        fit_windows=split.fit.height,
        calibration_windows=split.calibration.height,
        set_aside_windows=split.set_aside,
        excluded_features=dict(excluded),
        false_alarm_rate=order.false_alarm_rate,
        false_alarms_per_week=order.false_alarms_per_week,
    )


def model_card(order: Order, facts: TrainingFacts) -> ModelCard:
    """Return what a person must know before trusting the model."""
    span = f"{isoformat(facts.first)} to {isoformat(facts.last)}"
    ignored = ", ".join(facts.excluded_features)
    assets = ", ".join(facts.assets) if len(facts.assets) <= 5 else f"{len(facts.assets)} assets"
    return ModelCard(
        purpose=order.purpose,
        intended_use=_intended_use(order),
        owner=order.owner,
        data=f"{order.data}: {facts.fit_windows + facts.calibration_windows} windows of {assets}, {span}.",
        limits="Advice only. It knows only the normal operation of that period: other products, recipes, seasons or "
        "settings look anomalous to it, and what was already wrong then looks normal."
        + (f" It does not look at: {ignored}." if ignored else ""),
    )


def _intended_use(order: Order) -> str:
    definition, lasting = order.asset_class.feature_definition, order.asset_class.model.open_after
    return (
        f"Says of machines of class {order.class_name} whether {_span(definition.window)} of their data, by feature "
        f"definition {definition.hash}, is unlike normal operation; an alert opens when that lasts {_span(lasting)}. "
        "For people who then look at the machine: not for protection or control, not for machines of other classes, "
        "and not to judge people."
    )


def _span(micros: int) -> str:
    return f"{micros / SECOND:g} s"
