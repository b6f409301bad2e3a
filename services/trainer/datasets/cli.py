"""`andon dataset build`: a recording, the lake or the history in, a dataset of each asset class out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from andon.clock import SECOND, isoformat
from andon.errors import ConfigError, TrainingError
from andon.plant.load import load_plant
from andon.recordings import load_mapping
from andon.settings import Settings, read_settings
from services.trainer.datasets.build import Source, build_dataset
from services.trainer.datasets.card import DatasetCard
from services.trainer.datasets.folder import save_dataset
from services.trainer.datasets.history import History, from_history
from services.trainer.datasets.sources import from_lake, from_recording, read_events, read_intervals

#: Exit code when a class went without a dataset: something that a person must correct.
_INCOMPLETE = 2
#: Features that are named as those that drifted most.
_SHOWN = 3

app = typer.Typer(help="Make the datasets that models are trained and judged on.")


@app.callback()
def _group() -> None:
    """Keep `build` a command of its own while it is the only one."""


@app.command()
def build(
    plant: Annotated[Path, typer.Option(help="Plant model.")],
    recording: Annotated[Path | None, typer.Option(help="Folder of a recording.")] = None,
    lake: Annotated[Path | None, typer.Option(help="Directory of the historian's lake, instead.")] = None,
    historian: Annotated[
        bool, typer.Option("--historian", help="The historian's database (ANDON_DATABASE__*), instead.")
    ] = False,
    mapping: Annotated[
        Path | None, typer.Option(help="How to read the recording; its own mapping.yaml if not given.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="The recording's column of truth; else its first.")] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Abnormal intervals: CSV of asset, start, end (microseconds UTC). Not for recordings."),
    ] = None,
    feedback: Annotated[
        bool, typer.Option("--feedback", help="Alerts that people called real are abnormal; with --historian.")
    ] = False,
    events: Annotated[
        Path | None,
        typer.Option(
            help="Orders, maintenance ... as on the event topic, a JSON document a line; the historian knows its own."
        ),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", help="Begin of the frames, UTC. Not for recordings.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="End of the frames (exclusive), UTC.")] = None,
    balance: Annotated[
        bool, typer.Option("--balance", help="Add a part of labelled windows: as many abnormal ones as normal ones.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice that --balance makes.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of datasets.")] = Path("datasets"),
) -> None:
    """Compute the feature vectors of a period, and divide them by time into train, calibration and test."""
    if [recording is not None, lake is not None, historian].count(True) != 1:
        raise ConfigError("give one of --recording, --lake and --historian")
    no_recording = {"--labels": labels, "--from": since} if recording else {"--mapping": mapping, "--label": label}
    _refuse_unused(no_recording | ({} if historian else {"--feedback": feedback or None}))
    model = load_plant(plant)
    told = None if events is None else read_events(events)
    begin, end = _micros(since), _micros(until)
    sources: Iterator[tuple[str, Source]]
    if recording is not None:
        described = load_mapping(mapping or recording / "mapping.yaml")
        sources = from_recording(model, recording, described, told or (), label, end)
    elif lake is not None:
        sources = from_lake(model, lake, told or (), labels, begin, end)
    else:
        intervals = None if labels is None else read_intervals(labels)
        wanted = History(begin, end, told, intervals, feedback)
        sources = from_history(model, read_settings(Settings).database, wanted)
    console = Console(highlight=False, soft_wrap=True)
    made = refused = 0
    for name, source in sources:
        try:
            dataset = build_dataset(model, name, source, balance=seed if balance else None)
        except TrainingError as error:
            refused += 1
            console.print(f"no dataset of class {name}: {error}", style="red", markup=False)
        else:
            made += 1
            _show(save_dataset(dataset, output), dataset.card, console)
    if refused or not made:
        raise typer.Exit(_INCOMPLETE)


def _refuse_unused(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(f"{', '.join(given)} is not for this source: see `andon dataset build --help`")


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.replace(tzinfo=UTC).timestamp() * SECOND)


def _show(path: Path, card: DatasetCard, console: Console) -> None:
    console.print(f"{path}: class {card.asset_class}, {len(card.assets)} assets, from {card.source}", markup=False)
    for name, part in card.parts.items():
        worst = sorted(part.drift.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
        drift = ", ".join(f"{feature} {distance:.2f}" for feature, distance in worst if distance) or "none"
        console.print(
            f"  {name}: {part.windows:,} windows, {part.abnormal:,} abnormal, {isoformat(part.first)} to "
            f"{isoformat(part.last)}; drift: {drift}",
            markup=False,
        )
    left = ", ".join(f"{count:,} {reason}" for reason, count in card.left_out.items()) or "none"
    console.print(f"  left out: {left}; parity: {card.parity.mismatches} of {card.parity.checked} differ", markup=False)
