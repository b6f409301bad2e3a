"""`andon mes`: try a mapping of MES and ERP tables before the service runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from andon.clock import isoformat
from andon.contracts import PlantEvent
from andon.plant.load import load_plant
from andon.settings import Settings, read_settings
from andon.telemetry import configure_logs
from andon.uns.places import places_of
from services.mes.check import Sample, try_systems
from services.mes.event import Refusal
from services.mes.mapping_file import findings, load_mapping

#: Exit code for a file that a person must correct.
_WRONG = 2

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def mes() -> None:
    """Take orders, batches, shifts and the like from MES and ERP."""
    configure_logs("mes", level="critical", form="console")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The mapping, such as mes.yaml.")],
    sample: Annotated[int, typer.Option(min=1, max=1_000, help="How many rows of each table to show.")] = 5,
    plant: Annotated[Path | None, typer.Option(help="The plant model; what ANDON_PLANT names when not given.")] = None,
) -> None:
    """Check a mapping on its systems, and show the events that their first rows would make.

    Nothing is sent, and nothing is written. What must be corrected is shown with its line; the exit code is 2 then.
    """
    model = load_plant(plant or read_settings(Settings).plant)
    systems = load_mapping(file, model).systems
    console = Console(highlight=False, markup=False, soft_wrap=True)
    trial = asyncio.run(try_systems(systems, places_of(model.assets), sample))
    for each in trial.samples:
        _show(console, each)
    for problems, style in ((trial.doubts, "yellow"), (trial.problems, "red")):
        for finding in findings(file, problems):
            console.print(finding, style=style)
    if trial.problems:
        raise typer.Exit(_WRONG)


def _show(console: Console, sample: Sample) -> None:
    console.print(f"{sample.system.name} / {sample.table.kind}: {sample.table.source}", style="bold")
    if not sample.made:
        console.print("  no rows")
    for key, made in sample.made:
        if isinstance(made, PlantEvent):
            console.print(f"  {_line(made)}")
        elif isinstance(made, Refusal):
            console.print(f"  {key}: dead letter {made.reason}: {made.detail}", style="red")
        else:
            console.print(f"  {key}: has not begun", style="dim")


def _line(event: PlantEvent) -> str:
    until = "" if event.end is None else isoformat(event.end)
    attributes = " ".join(f"{name}={value}" for name, value in event.attributes.items())
    return (
        f"{event.id}  {event.asset or '(site)'}  {event.name}  {isoformat(event.time)} - {until}  {attributes}".rstrip()
    )
