"""From a dataset to a model bundle whose verdict rests on the dataset's test part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from andon.clock import Clock, wall_clock
from andon.errors import TrainingError
from andon.models import Bundle, Criterion, Verdict, save_bundle
from andon.plant import Plant
from andon.recordings import Findings
from services.trainer.acceptance import judge_test, parity_kept
from services.trainer.dataset import Training, order_for
from services.trainer.datasets.build import VectorDataset
from services.trainer.datasets.divide import CALIBRATION, TEST, TRAIN
from services.trainer.families import DEFAULT_EFFORT, Effort
from services.trainer.order import DEFAULT_FALSE_ALARM_RATE, Order
from services.trainer.split import Split, check_enough
from services.trainer.train import Trained, train_split


def train_dataset(
    plant: Plant,
    dataset: VectorDataset,
    bundles: Path,
    *,
    false_alarm_rate: float = DEFAULT_FALSE_ALARM_RATE,
    false_alarms_per_week: float | None = None,
    effort: Effort = DEFAULT_EFFORT,
    champion: Bundle | None = None,
    clock: Clock = wall_clock,
) -> Training:
    """Train the model of a dataset's class, judge it on the test part, and save it with the verdict.

    Args:
        plant: the plant model.
        dataset: what to learn from.
        bundles: folder of bundles to write to.
        false_alarm_rate: share of normal windows that may be flagged.
        false_alarms_per_week: alarms that a machine may raise in a week of normal operation; None keeps to the share.
        effort: how to fit families that are fitted step by step.
        champion: the model to beat; None compares with none.
        clock: tells when the bundle was made.

    Raises:
        TrainingError: the dataset is not of this plant model's features, or does not allow an honest model.
    """
    order = replace(
        _order(plant, dataset),
        false_alarm_rate=false_alarm_rate,
        false_alarms_per_week=false_alarms_per_week,
        effort=effort,
    )
    trained = train_split(_split(dataset, order), order)
    bundle = trained.seal(clock())
    judged = judge_test(bundle, dataset.parts[TEST], order.asset_class, order.criteria, champion)
    bundle = _with_verdict(trained, (parity_kept(dataset.card.parity), *judged), bundle.manifest.created)
    return Training({save_bundle(bundle, bundles): bundle}, {}, Findings())


def _order(plant: Plant, dataset: VectorDataset) -> Order:
    card = dataset.card
    if card.asset_class not in plant.classes:
        raise TrainingError(f"the dataset is of class {card.asset_class}, which the plant model does not have")
    known = plant.classes[card.asset_class].feature_definition.hash
    if card.definition != known:
        raise TrainingError(
            f"the dataset is of feature definition {card.definition}, class {card.asset_class} has {known}: build it "
            "again, or take the plant model that it was built with"
        )
    return order_for(plant, card.asset_class, f"dataset {card.content[:12]} of {card.source}")


def _split(dataset: VectorDataset, order: Order) -> Split:
    fit, calibration = (dataset.parts[part].drop("abnormal") for part in (TRAIN, CALIBRATION))
    model = order.asset_class.model
    check_enough(fit, calibration, order.asset_class.feature_definition, bad=0, min_good_ratio=model.min_good_ratio)
    return Split(fit, calibration, set_aside=sum(dataset.card.left_out.values()))


def _with_verdict(trained: Trained, criteria: tuple[Criterion, ...], created: int) -> Bundle:
    before = trained.facts.verdict.criteria if trained.facts.verdict else ()
    verdict = Verdict(criteria=(*before, *criteria))
    return replace(trained, facts=trained.facts.model_copy(update={"verdict": verdict})).seal(created)
