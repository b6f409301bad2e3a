"""The process that trains: ``python -m services.trainer.retraining.job FOLDER``. It ends when the service does.

The service's event loop stays free for health and metrics, a training that eats all memory ends alone, and one that
hangs can be ended.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from andon.clock import isoformat
from andon.errors import AndonError, TooLittleDataError, TrainingError
from andon.models import Bundle, load_bundle
from andon.plant import Plant
from andon.plant.load import load_plant
from services.trainer.datasets.build import VectorDataset, build_dataset
from services.trainer.datasets.sources import class_from_lake, read_events
from services.trainer.datasets.train import train_dataset
from services.trainer.order import DEFAULT_FALSE_ALARM_RATE
from services.trainer.retraining.order import BUNDLES, EVENTS, LABELS, ORDER, RESULT, JobOrder, JobResult

#: Exit code of a process whose service has ended.
_ORPHANED = 3


def run_job(folder: Path) -> JobResult:
    """Build the dataset that `order.json` asks for, train on it and judge the model.

    Raises:
        AndonError: plant model, lake or champion cannot be read.
    """
    order = JobOrder.model_validate_json((folder / ORDER).read_bytes())
    plant = load_plant(order.plant)
    try:
        dataset = _dataset(order, plant, folder)
        windows = sum(part.windows - part.abnormal for part in dataset.card.parts.values())
        if windows < order.windows or max(part.last for part in dataset.card.parts.values()) < order.until:
            text = f"{windows} of {order.windows} windows, which must reach {isoformat(order.until)}"
            return JobResult(kind="too_little_data", text=text, windows=windows)
        return _trained(order, plant, dataset, windows, folder)
    except TooLittleDataError as error:
        return JobResult(kind="too_little_data", text=str(error))
    except TrainingError as error:
        return JobResult(kind="not_trainable", text=str(error))


def _dataset(order: JobOrder, plant: Plant, folder: Path) -> VectorDataset:
    events = read_events(folder / EVENTS)
    labels = folder / LABELS if order.labelled else None
    source = class_from_lake(plant, order.asset_class, order.lake, events, labels, order.since, None)
    if source is not None and not (kept := source.only(order.assets)).frames.is_empty():
        return build_dataset(plant, order.asset_class, kept)
    raise TooLittleDataError("the lake holds no frame of this time; it gets each hour's when the hour is over")


def _trained(order: JobOrder, plant: Plant, dataset: VectorDataset, windows: int, folder: Path) -> JobResult:
    champion = _comparable(order, plant)
    asked = champion.manifest.training if champion else None
    training = train_dataset(
        plant,
        dataset,
        folder / BUNDLES,
        false_alarm_rate=asked.false_alarm_rate if asked else DEFAULT_FALSE_ALARM_RATE,
        false_alarms_per_week=asked.false_alarms_per_week if asked else None,
        champion=champion,
    )
    ((path, bundle),) = training.bundles.items()
    verdict = bundle.manifest.verdict
    missed = [each for each in verdict.criteria if not each.met] if verdict else []
    if missed:
        words = (
            f"{each.name} is {each.value:.4g}, {'at most' if each.at_most else 'at least'} {each.limit:.4g} is asked "
            f"for ({each.evidence})"
            for each in missed
        )
        return JobResult(kind="no_go", text="; ".join(words), windows=windows)
    against = f"better than {champion.ref.version} on the newest of them" if champion else "no champion to compare with"
    return JobResult(kind="trained", text=against, windows=windows, bundle=path)


def _comparable(order: JobOrder, plant: Plant) -> Bundle | None:
    """Return the champion, unless it takes other features: then it cannot be judged on the same windows."""
    if order.champion is None:
        return None
    champion = load_bundle(order.champion)
    wanted = plant.classes[order.asset_class].feature_definition.hash
    return champion if champion.manifest.feature_hash == wanted else None


def _end_with_the_service() -> None:
    """End this process when its standard input does, which the service holds for as long as it lives."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(_ORPHANED)


def main(folder: Path) -> None:
    """Run a job and write `result.json`, whole or not at all."""
    threading.Thread(target=_end_with_the_service, daemon=True).start()
    try:
        result = run_job(folder)
    except AndonError as error:
        sys.exit(str(error))
    partial = folder / f".{RESULT}"
    partial.write_text(result.model_dump_json(), encoding="utf-8")
    partial.rename(folder / RESULT)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
