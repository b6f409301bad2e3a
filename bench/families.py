"""Model families on the demo's pump station: each trained on its normal part and judged on the other.

Which family is the default rests on this table and the one of a real rig, see docs/training.md. Three simulations tell
how much of a difference is luck.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from andon.evaluation import Figures, figures
from andon.families import FamilyName
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.recordings import load_mapping
from bench.common import is_quick, result, table
from sandbox.demo.scenario import Scenario, simulated
from sandbox.station.record import LABELS
from services.trainer.dataset import read_dataset, train_recording
from services.trainer.datasets.frames import truth_of
from services.trainer.evaluate import BUFFER, Case, labelled_vectors, verdicts

#: Those that need no features of their own.
_FAMILIES: tuple[FamilyName, ...] = ("pca", "dense", "rolling", "robust", "forest")
_SEEDS = (7, 8, 9)
_CLASS = "pump"


@dataclass(frozen=True, slots=True)
class Tried:
    """A family on one simulation; `seconds` is what its training took."""

    figures: Figures
    seconds: float


def main() -> None:
    seeds = _SEEDS[:1] if is_quick(__doc__ or "") else _SEEDS
    found: dict[str, list[Tried]] = {name: [] for name in _FAMILIES}
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
            for tried in _tried(Path(folder), seed):
                found[tried.figures.name].append(tried)
    columns = ("family", "F1", "FAR", "MAR", "events", "delay, windows", "false alarms/h", "VUS-PR", "s to train")
    table(f"Pump station, seeds {', '.join(map(str, seeds))}: means", columns, [_row(*each) for each in found.items()])
    result("families", **{f"{name}_f1": _mean([each.figures.f1 for each in runs]) for name, runs in found.items()})


def _tried(folder: Path, seed: int) -> Iterator[Tried]:
    scenario = simulated(folder, seed)
    plant = load_plant(scenario.plant_file)
    frames = read_dataset(scenario.live.open(plant)).frames[_CLASS]
    faults = pl.read_parquet(scenario.live.folder / LABELS).filter("process").select("asset", "start", "end")
    case = Case(plant.classes[_CLASS], frames, truth_of(frames, faults))
    vectors = labelled_vectors(frames, case)
    for family in _FAMILIES:
        yield _judged(scenario, _with_family(plant, family), family, vectors, case)


def _judged(scenario: Scenario, plant: Plant, family: FamilyName, vectors: pl.DataFrame, case: Case) -> Tried:
    began, part = time.perf_counter(), scenario.training
    bundles = train_recording(plant, part.folder, load_mapping(part.mapping), part.folder / family).bundles
    seconds = time.perf_counter() - began
    (bundle,) = bundles.values()
    records = list(verdicts(vectors, bundle, case.asset_class).values())
    return Tried(figures(family, records, step=case.step, buffer=BUFFER), seconds)


def _with_family(plant: Plant, family: FamilyName) -> Plant:
    asset_class = plant.classes[_CLASS]
    model = asset_class.model.model_copy(update={"family": family})
    return plant.model_copy(update={"classes": {_CLASS: asset_class.model_copy(update={"model": model})}})


def _row(name: str, runs: list[Tried]) -> tuple[str, ...]:
    every = [run.figures for run in runs]
    means = [_mean([getattr(each, field) for each in every]) for field in ("f1", "far", "mar")]
    events = f"{sum(each.found for each in every)}/{sum(each.events for each in every)}"
    delays = [each.delay for each in every if each.found]
    return (
        name,
        *(f"{mean:.3f}" for mean in means),
        events,
        f"{_mean(delays):.0f}" if delays else "-",
        f"{_mean([each.false_alarms_per_hour for each in every]):.2f}",
        f"{_mean([each.vus_pr for each in every]):.3f}",
        f"{_mean([run.seconds for run in runs]):.1f}",
    )


def _mean(values: list[float]) -> float:
    return statistics.fmean(values)


if __name__ == "__main__":
    main()
