"""The thresholds of a model: one for all windows, or one for each regime of operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from andon.plant.model import Thresholds
from services.trainer.budget import alarms_per_week, budget_threshold, regime_thresholds, stretches_of
from services.trainer.order import Order
from services.trainer.threshold import choose_threshold, sustained_scores


@dataclass(frozen=True, slots=True)
class Chosen:
    """Thresholds, and what they do in the calibration period.

    Attributes:
        threshold: of windows whose regime has none of its own.
        by_regime: of the others; empty where one threshold is for all.
        windows: stretches of the calibration period that could open an alert.
        metrics: figures of the calibration.
    """

    threshold: float
    by_regime: Mapping[str, float]
    windows: int
    metrics: Mapping[str, float]


def choose_thresholds(scores: pl.DataFrame, order: Order) -> Chosen:
    """Choose thresholds that keep to what is asked of false alarms.

    Where each regime has its own, a stretch of windows counts for the regime of its last one; what that gives is then
    measured with every window held against the threshold of its own regime.

    Args:
        scores: asset, time, score and regime of calibration windows, by asset and time.
        order: what is asked.

    Raises:
        TrainingError: there are too few windows.
    """
    spec, step = order.asset_class.model, order.asset_class.feature_definition.step
    sustained = sustained_scores(scores, spec.open_after, step)
    tail = choose_threshold(sustained["score"].to_numpy(), order.false_alarm_rate)[1]
    by_regime: dict[str, float] = {}
    if spec.thresholds is Thresholds.BY_REGIME:
        told = sustained.join(scores.select("asset", "time", "regime"), on=["asset", "time"], maintain_order="left")
        by_regime = regime_thresholds(told, lambda rows: _chosen(rows, order))
        threshold = max(by_regime.values())  # nothing is known of other regimes that allows a lower one
    else:
        threshold = _chosen(sustained, order)
    own = pl.col("regime").replace_strict(by_regime, default=threshold, return_dtype=pl.Float64)
    # Of differences the lowest in a stretch is above 0 exactly where all its windows are above their thresholds.
    margins = sustained_scores(scores.with_columns(score=pl.col("score") - own), spec.open_after, step)
    metrics = {"tail_index": tail, **_alarms(margins, step)}
    for regime in by_regime:
        inside = margins.join(scores.filter(regime=regime), on=["asset", "time"], how="semi", maintain_order="left")
        metrics |= {f"{name} ({regime or 'regime unknown'})": value for name, value in _alarms(inside, step).items()}
    return Chosen(threshold, by_regime, margins.height, metrics)


def _chosen(sustained: pl.DataFrame, order: Order) -> float:
    if order.false_alarms_per_week is None:
        return choose_threshold(sustained["score"].to_numpy(), order.false_alarm_rate)[0]
    step = order.asset_class.feature_definition.step
    return budget_threshold(stretches_of(sustained, step), order.false_alarms_per_week, step)


def _alarms(margins: pl.DataFrame, step: int) -> dict[str, float]:
    return {
        "calibration_alarms": float((margins["score"].to_numpy() > 0).mean()),
        "calibration_alarms_per_week": alarms_per_week(stretches_of(margins, step), 0.0, step),
    }
