"""What a trained model does on windows that it has not seen, against what its use case asks and a champion does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from andon.errors import TrainingError
from andon.evaluation import Record, event_figures
from andon.evaluation.events import EventFigures
from andon.models import Bundle, Criterion, Scorer
from andon.plant import AssetClass, Criteria
from services.trainer.budget import WEEK
from services.trainer.datasets.card import ParityCard
from services.trainer.evaluate import verdicts
from services.trainer.train import feature_matrix

#: Windows that are scored one by one to tell how long one takes.
_TIMED = 200


def judge_test(
    bundle: Bundle, test: pl.DataFrame, asset_class: AssetClass, criteria: Criteria, champion: Bundle | None
) -> tuple[Criterion, ...]:
    """Return what a model shows on a dataset's test part.

    Latency is measured, and so the one criterion that may come out differently the next time.

    Args:
        bundle: the model.
        test: windows with `abnormal`.
        asset_class: says how long an alarm must last.
        criteria: what is asked; each that is set becomes a criterion.
        champion: the model to beat, on the same windows; None compares with none.

    Raises:
        TrainingError: no window is normal, or the champion is of another feature definition.
    """
    if test["abnormal"].all():
        raise TrainingError(
            "no window of the test part is normal: false alarms cannot be counted; take a longer period"
        )
    step = asset_class.feature_definition.step
    figures = event_figures(verdicts(test, bundle, asset_class).values())
    evidence = _evidence(figures)
    found = [*_asked(figures, criteria, step, evidence)]
    if criteria.max_latency_ms is not None:
        found.append(
            _criterion("latency_ms", _latency_ms(bundle, test), criteria.max_latency_ms, "median of one window")
        )
    if champion is not None:
        other = event_figures(_judged_by(champion, bundle, test, asset_class).values())
        found += _against(figures, other, step, f"{evidence}; champion {champion.ref.version}: {_evidence(other)}")
    return tuple(found)


def parity_kept(parity: ParityCard) -> Criterion:
    """Return whether the vectors of a dataset are those that the parity check computes of the same frames."""
    evidence = f"{parity.checked} vectors of the dataset computed again, largest relative error {parity.largest:.3g}"
    return _criterion("parity_mismatches", parity.mismatches, 0, evidence)


def _asked(figures: EventFigures, criteria: Criteria, step: int, evidence: str) -> Iterator[Criterion]:
    if criteria.min_recall is not None:
        # Without a labelled event nothing is shown, and what is not shown is no recall.
        recall = figures.recall if figures.events else 0.0
        yield _criterion("recall", recall, criteria.min_recall, evidence, at_most=False)
    if criteria.max_false_alarms_per_week is not None:
        yield _criterion("false_alarms_per_week", _weekly(figures, step), criteria.max_false_alarms_per_week, evidence)


def _against(figures: EventFigures, champion: EventFigures, step: int, evidence: str) -> Iterator[Criterion]:
    if figures.events:
        yield _criterion("recall_of_champion", figures.recall, champion.recall, evidence, at_most=False)
    yield _criterion("false_alarms_of_champion", _weekly(figures, step), _weekly(champion, step), evidence)


def _judged_by(champion: Bundle, bundle: Bundle, test: pl.DataFrame, asset_class: AssetClass) -> Mapping[str, Record]:
    known, wanted = champion.manifest.feature_hash, bundle.manifest.feature_hash
    if known != wanted:
        raise TrainingError(
            f"champion {champion.ref.name} {champion.ref.version} is of feature definition {known}, the dataset of "
            f"{wanted}: they cannot be judged on the same vectors; train without --champion, and compare with "
            "`andon evaluate` or as a shadow"
        )
    return verdicts(test, champion, asset_class)


def _evidence(figures: EventFigures) -> str:
    return (
        f"{figures.found} of {figures.events} events found, {figures.false_alarms} false alarms in "
        f"{figures.normal_rows} normal windows of the test part"
    )


def _weekly(figures: EventFigures, step: int) -> float:
    return figures.false_alarms * WEEK / (figures.normal_rows * step)


def _latency_ms(bundle: Bundle, test: pl.DataFrame) -> float:
    rows = feature_matrix(test[:_TIMED], bundle.manifest.features).astype(np.float32)
    scorer = Scorer(bundle.onnx, features=len(bundle.manifest.features), threads=1)
    taken = []
    for row in rows:
        began = time.perf_counter()
        scorer.score(row[None])
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1_000


def _criterion(name: str, value: float, limit: float, evidence: str, *, at_most: bool = True) -> Criterion:
    return Criterion(name=name, value=value, limit=limit, at_most=at_most, evidence=evidence)
