"""What a trained model does on windows that it has not seen, against what its use case asks and a champion does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.errors import TrainingError
from andon.evaluation import event_figures
from andon.evaluation.events import EventFigures
from andon.models import Bundle, Criterion, Scorer
from andon.plant import AssetClass, Criteria
from services.trainer.budget import WEEK
from services.trainer.datasets.card import ParityCard
from services.trainer.evaluate import verdicts
from services.trainer.train import feature_matrix

#: Windows that are scored one by one to tell how long one takes.
_TIMED = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model showed on windows that it had not seen.

    Attributes:
        figures: events found and false alarms.
        step: distance between windows, microseconds.
        where: which windows, in words.
    """

    figures: EventFigures
    step: int
    where: str

    @property
    def alarms_per_week(self) -> float:
        """False alarms in a week of normal operation of one machine."""
        return self.figures.false_alarms * WEEK / (self.figures.normal_rows * self.step)

    @property
    def evidence(self) -> str:
        """The figures in words."""
        return (
            f"{self.figures.found} of {self.figures.events} events found, {self.figures.false_alarms} false alarms in "
            f"{self.figures.normal_rows} normal windows of {self.where}"
        )


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
    shown = shown_by(bundle, test, asset_class, "the test part")
    found = [*asked_for(bundle, test, shown, criteria)]
    if champion is not None:
        _check_comparable(champion, bundle)
        found += against(shown, shown_by(champion, test, asset_class, "the test part"), champion)
    return tuple(found)


def shown_by(bundle: Bundle, vectors: pl.DataFrame, asset_class: AssetClass, where: str) -> Shown:
    """Return what a model shows on windows with `abnormal`; *where* says in words which those are."""
    records = verdicts(vectors, bundle, asset_class).values()
    return Shown(event_figures(records), bundle.manifest.feature_definition.step, where)


def asked_for(bundle: Bundle, vectors: pl.DataFrame, shown: Shown, criteria: Criteria) -> Iterator[Criterion]:
    """Yield whether a model does what its use case asks: recall, false alarms and latency, as far as they are set."""
    if criteria.min_recall is not None:
        # Without a labelled event nothing is shown, and what is not shown is no recall.
        recall = shown.figures.recall if shown.figures.events else 0.0
        yield _criterion("recall", recall, criteria.min_recall, shown.evidence, at_most=False)
    if (most := criteria.max_false_alarms_per_week) is not None:
        yield _criterion("false_alarms_per_week", shown.alarms_per_week, most, shown.evidence)
    if (longest := criteria.max_latency_ms) is not None:
        yield _criterion("latency_ms", _latency_ms(bundle, vectors), longest, "median of one window")


def against(shown: Shown, other: Shown, champion: Bundle) -> Iterator[Criterion]:
    """Yield whether a model is no worse than the champion, in recall and in false alarms."""
    evidence = f"{shown.evidence}; champion {champion.ref.version}: {other.evidence}"
    if shown.figures.events:
        recall = other.figures.recall if other.figures.events else 0.0
        yield _criterion("recall_of_champion", shown.figures.recall, recall, evidence, at_most=False)
    yield _criterion("false_alarms_of_champion", shown.alarms_per_week, other.alarms_per_week, evidence)


def parity_kept(parity: ParityCard) -> Criterion:
    """Return whether the vectors of a dataset are those that the parity check computes of the same frames."""
    computed = f"{parity.checked} vectors computed again of their own frames alone"
    evidence = f"{computed}, largest relative error {parity.largest:.3g}"
    return _criterion("parity_mismatches", parity.mismatches, 0, evidence)


def _check_comparable(champion: Bundle, bundle: Bundle) -> None:
    known, wanted = champion.manifest.feature_hash, bundle.manifest.feature_hash
    if known != wanted:
        raise TrainingError(
            f"champion {champion.ref.name} {champion.ref.version} is of feature definition {known}, the dataset of "
            f"{wanted}: they cannot be judged on the same vectors; train without --champion, and compare with "
            "`andon evaluate --champion` on a recording, or as a shadow"
        )


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
