"""`andon evaluate`: a labelled recording and model bundles in, a table and a report out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from andon.errors import ConfigError
from andon.evaluation.report import Report, cells, render
from andon.models import Bundle, load_bundle
from andon.plant.load import load_plant
from andon.recordings import Mapping, Recording, load_mapping, open_recording
from services.trainer.dataset import order_for, read_dataset
from services.trainer.evaluate import Case
from services.trainer.evaluate import evaluate as judge
from services.trainer.judgement import judge_models
from services.trainer.show import show_verdict

#: Exit code when a model is no go.
_NO_GO = 1
#: Columns of text that the table needs.
_WIDTH = 110


def evaluate(
    plant: Annotated[Path, typer.Option(help="Plant model.")],
    recording: Annotated[Path, typer.Option(help="Folder of a labelled recording.")],
    bundles: Annotated[Path, typer.Option(help="Folder of model bundles; all of the class are compared.")],
    mapping: Annotated[Path | None, typer.Option(help="How to read it; its own mapping.yaml if not given.")] = None,
    label: Annotated[str | None, typer.Option(help="Column of truth, above 0 where abnormal; else the first.")] = None,
    champion: Annotated[
        Path | None, typer.Option(help="Bundle that the models must not be worse than on this recording.")
    ] = None,
    skip_rows: Annotated[int, typer.Option(min=0, help="Rows of each file to leave out, learned from before.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of reports.")] = Path("reports"),
) -> None:
    """Judge models by a recording's labels: go or no go, figures, trivial detectors beside them, and a report.

    The exit code is 1 when a model is no go, by the criteria of its class's use case or against the champion.
    """
    model = load_plant(plant)
    described = load_mapping(mapping or recording / "mapping.yaml")
    opened = open_recording(recording, described, model, skip_rows=skip_rows)
    truth = _truth(opened, described, label)
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _WIDTH)
    dataset = read_dataset(opened).frames
    rival = None if champion is None else _champion(champion, dataset)
    is_go = True
    for name, frames in dataset.items():
        case, found = Case(model.classes[name], frames, truth), _bundles(bundles / name)
        own = rival if rival and rival.manifest.asset_class == name else None
        judgements = judge_models(case, found, order_for(model, name, "").criteria, own)
        report = replace(judge(case, found, f"{name} on {recording.resolve().name}"), judgements=judgements)
        is_go &= all(each.verdict.go for each in judgements)
        _write(report, output / f"{name}.html", console)
    if not is_go:
        raise typer.Exit(_NO_GO)


def _truth(opened: Recording, described: Mapping, label: str | None) -> pl.DataFrame:
    truth = opened.labels()
    column = label or described.labels[0]
    if column not in described.labels:
        raise ConfigError(f"the mapping names no label {column!r}: it names {', '.join(described.labels)}")
    return truth.select("asset", "time", abnormal=pl.col(column).cast(pl.Float64) > 0)


def _champion(path: Path, classes: Collection[str]) -> Bundle:
    found = load_bundle(path)
    if found.manifest.asset_class not in classes:
        raise ConfigError(
            f"champion {path} is a model of class {found.manifest.asset_class}, the recording has {', '.join(classes)}"
        )
    return found


def _write(report: Report, file: Path, console: Console) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(report), encoding="utf-8")
    _show(report, console)
    console.print(f"report: {file}", markup=False)


def _bundles(folder: Path) -> list[Bundle]:
    paths = sorted(path for path in folder.glob("*") if path.is_dir() and not path.name.startswith("."))
    if not paths:
        raise ConfigError(f"{folder} holds no model bundle: train one with `andon train --output {folder.parent}`")
    return [load_bundle(path) for path in paths]


def _show(report: Report, console: Console) -> None:
    table = Table(title=report.title, title_justify="left")
    for name in ("", "F1", "FAR", "MAR", "events", "delay", "false/h", "VUS-PR", "range F1"):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    for row in (*report.figures, *report.trivial):
        table.add_row(*cells(row))
    console.print(table)
    for promise in report.promises:
        achieved = f"{promise.alarms_per_week:.1f} alarms a week, {promise.share:.2%} of normal windows"
        console.print(f"{promise.model}: promised {promise.promised}, achieved {achieved}", markup=False)
    for judgement in report.judgements:
        console.print(f"{judgement.model}:", markup=False)
        show_verdict(judgement.verdict, console)
