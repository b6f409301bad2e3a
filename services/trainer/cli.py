"""`andon train`: a recording of normal operation in, model bundles out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from andon.clock import SECOND
from andon.errors import ConfigError
from andon.models import load_bundle
from andon.plant.load import load_plant
from andon.recordings import describe, load_mapping
from services.trainer.dataset import Training, train_recording
from services.trainer.datasets.folder import load_dataset
from services.trainer.datasets.train import train_dataset
from services.trainer.families import Effort
from services.trainer.order import DEFAULT_FALSE_ALARM_RATE
from services.trainer.show import show_verdict

#: Exit code when a class went without a model: something that a person must correct.
_INCOMPLETE = 2


def train(
    plant: Annotated[Path, typer.Option(help="Plant model.")],
    recording: Annotated[Path | None, typer.Option(help="Folder of a recording of normal operation.")] = None,
    dataset: Annotated[Path | None, typer.Option(help="Folder of `andon dataset build`, instead.")] = None,
    champion: Annotated[
        Path | None, typer.Option(help="Bundle that the model must not be worse than on the dataset's test part.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(help="How to read it; its own mapping.yaml if not given.")] = None,
    until: Annotated[datetime | None, typer.Option(help="End of the normal period (exclusive), UTC.")] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Rows of each file that are normal; all if not given.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of model bundles.")] = Path("bundles"),
    false_alarm_rate: Annotated[
        float, typer.Option(min=1e-9, max=0.5, help="Share of normal windows that may be flagged.")
    ] = DEFAULT_FALSE_ALARM_RATE,
    false_alarms_per_week: Annotated[
        float | None,
        typer.Option(min=1e-6, help="Alarms that a normal machine may raise in a week; instead of a share."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to fit: auto (CUDA if there is one), cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of everything random in a fit.")] = 0,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder that a fit is kept in after each pass and taken up again from.")
    ] = None,
) -> None:
    """Train a model of each asset class on a recording of normal operation, or of one class on its dataset.

    The recording may hold more than the normal period: say with --until or --rows where that ends. A model of a dataset
    is judged on its test part, by the criteria of the class's use case.
    """
    if (recording is None) == (dataset is None):
        raise ConfigError("give either --recording or --dataset")
    effort = Effort(seed=seed, device=device, progress=True)
    if dataset is not None:
        _refuse_unused({"--mapping": mapping, "--until": until, "--rows": rows}, "--dataset")
        found = load_dataset(dataset)
        training = train_dataset(
            load_plant(plant),
            found,
            output,
            false_alarm_rate=false_alarm_rate,
            false_alarms_per_week=false_alarms_per_week,
            effort=effort if checkpoints is None else replace(effort, checkpoint=checkpoints / found.card.asset_class),
            champion=None if champion is None else load_bundle(champion),
        )
    else:
        _refuse_unused({"--champion": champion}, "--recording")
        folder = recording or Path()
        training = train_recording(
            load_plant(plant),
            folder,
            load_mapping(mapping or folder / "mapping.yaml"),
            output,
            max_rows=rows,
            until=None if until is None else _micros(until),
            false_alarm_rate=false_alarm_rate,
            false_alarms_per_week=false_alarms_per_week,
            effort=effort,
            checkpoints=checkpoints,
        )
    _show(training, Console(highlight=False, soft_wrap=True))
    if training.refused:
        raise typer.Exit(_INCOMPLETE)


def _refuse_unused(options: Mapping[str, object], source: str) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(f"{', '.join(given)} is not for {source}: see `andon train --help`")


def _micros(moment: datetime) -> int:
    return round(moment.replace(tzinfo=UTC).timestamp() * SECOND)


def _show(training: Training, console: Console) -> None:
    for path, bundle in training.bundles.items():
        facts = bundle.manifest
        windows = facts.training.fit_windows + facts.training.calibration_windows
        used = len(facts.features) - len(facts.training.excluded_features)
        console.print(
            f"{path}: model of class {facts.asset_class} from {windows:,} windows, looking at {used} of "
            f"{len(facts.features)} features",
            markup=False,
        )
        if facts.verdict is not None:
            show_verdict(facts.verdict, console)
    for finding in describe(training.findings):
        console.print(f"recording: {finding}", style="yellow", markup=False)
    for name, reason in training.refused.items():
        console.print(f"no model of class {name}: {reason}", style="red", markup=False)
