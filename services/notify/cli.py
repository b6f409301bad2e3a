"""`andon notify`: see who is told of which alerts, and try the way there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from andon.clock import wall_clock
from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.plant.plain import suggestion
from andon.plant.routes import USUAL_STATES
from andon.settings import read_settings
from andon.telemetry import configure_logs
from services.notify.answer import Answer, Later, Refused
from services.notify.check import Reach, Row, doubts, rows_of
from services.notify.config import AnySinkConfig, Sinks
from services.notify.files import check_routes, load_sinks
from services.notify.notification import trial
from services.notify.settings import ServiceSettings
from services.notify.sinks.kinds import make_sink

#: Exit code when a sink does not take the test.
_NOT_TAKEN = 1

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")

_SinksFile = Annotated[
    Path | None, typer.Option("--sinks", help="The sinks, such as sinks.yaml; ANDON_NOTIFY__SINKS's when not given.")
]
_PlantFile = Annotated[
    Path | None, typer.Option("--plant", help="The plant model with its routes; ANDON_PLANT's when not given.")
]


@app.callback()
def notify() -> None:
    """Tell alerts to webhooks, MQTT brokers and the log."""
    configure_logs("notify", level="critical", form="console")


@app.command()
def check(sinks: _SinksFile = None, plant: _PlantFile = None) -> None:
    """Check sinks and routes, and show which sinks are told of which alerts. Nothing is sent.

    What must be corrected is shown with its line; the exit code is 2 then.
    """
    model, known = _read(sinks, plant)
    for config in known.sinks:
        make_sink(config, model)  # reads secrets and certificates
    console = Console(highlight=False, markup=False, soft_wrap=True)
    table = Table("class", "severity", "told", box=box.SIMPLE_HEAD)
    for row in rows_of(model, known.names):
        told = "\n".join(_words(reach, row) for reach in row.reaches) or "nobody"
        table.add_row(row.asset_class, row.severity, told, style=None if row.reaches else "yellow")
    console.print(table)
    for doubt in doubts(model, known.sinks):
        console.print(doubt, style="yellow")


@app.command("test")
def try_sink(
    sink: Annotated[str, typer.Argument(help="Name of the sink.")], sinks: _SinksFile = None, plant: _PlantFile = None
) -> None:
    """Send a sink a notification that says that it is a test, and show its answer; the exit code is 1 if it fails."""
    model, known = _read(sinks, plant)
    config = next((each for each in known.sinks if each.name == sink), None)
    if config is None:
        raise ConfigError(f"there is no sink {sink!r} ({suggestion(sink, known.names)})")
    answer = asyncio.run(_deliver(config, model))
    if isinstance(answer, Later | Refused):
        typer.echo(f"{sink} does not take it: {answer.reason}")
        raise typer.Exit(_NOT_TAKEN)
    typer.echo(f"{sink} has taken it")


def _read(sinks: Path | None, plant: Path | None) -> tuple[Plant, Sinks]:
    settings = read_settings(ServiceSettings)
    file = plant or settings.plant
    model, known = load_plant(file), load_sinks(sinks or settings.notify.sinks)
    check_routes(file, model, known.names)
    return model, known


async def _deliver(config: AnySinkConfig, plant: Plant) -> Answer:
    async with make_sink(config, plant) as sink:
        return await sink.deliver(trial(plant, wall_clock()))


def _words(reach: Reach, row: Row) -> str:
    limits = []
    if reach.machines < row.machines:
        limits.append(f"{reach.machines} of {row.machines} machines")
    if reach.states != USUAL_STATES:
        limits.append(", ".join(reach.states))
    return f"{reach.sink} ({'; '.join(limits)})" if limits else reach.sink
