"""`andon alert` and `andon feedback`: what needs a person, and what the person says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from rich.console import Console

from andon.contracts import Action, Verdict
from andon.contracts.base import faults
from andon.errors import ConfigError
from andon.plant.load import load_plant
from andon.settings import KafkaSettings, read_settings
from andon.telemetry import configure_logs
from andon.units import parse_duration
from services.alert.board import all_changes, pending
from services.alert.desk import Desk, Statement
from services.alert.settings import AlertSettings
from services.alert.view import alerts_table, count_line

Name = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's name, as `andon alert list` shows it.")]
Author = Annotated[str, typer.Option(metavar="NAME", help="Who says so.")]
Note = Annotated[str, typer.Option(metavar="TEXT", help="In your own words.")]

_Result = TypeVar("_Result")
#: Columns of what goes to a file or another program, which has no width of its own; names stay whole.
_FILE_WIDTH = 400

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def alert() -> None:
    """See what needs somebody, take it, or silence it for a while.

    Reads the plant model ([cyan]ANDON_PLANT[/]) for the topics' names, and [cyan]ANDON_KAFKA__*[/] for the broker.
    """
    configure_logs("alert", level="warning", form="console")


@app.command("list")
def list_alerts(
    asset: Annotated[
        str | None, typer.Option(metavar="PATH", help="Only this asset, or what lies below it, such as water/line-1.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line: the newest event of each.")] = False,
) -> None:
    """List the alerts that are not over, the gravest first."""
    settings = read_settings(AlertSettings)
    changes = _run(all_changes(settings.kafka, load_plant(settings.plant)), settings.kafka)
    below = "" if asset is None else f"{asset.rstrip('/')}/"
    found = [one for one in pending(changes) if f"{one.asset}/".startswith(below)]
    if json:
        for one in found:
            typer.echo(one.model_dump_json())
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    if found:
        console.print(alerts_table(found))
    console.print(count_line(found), soft_wrap=True)


@app.command()
def ack(name: Name, author: Author, note: Note = "") -> None:
    """Take an alert: whoever it rang for knows that somebody does something."""
    _say(alert=name, action=Action.ACKNOWLEDGE, author=author, note=note)


@app.command()
def shelve(
    name: Name,
    author: Author,
    duration: Annotated[str, typer.Option("--for", metavar="DURATION", help="For how long, such as 30min or 2h.")],
    note: Note = "",
) -> None:
    """Silence an alert, and others of its asset, for a while."""
    try:
        length = parse_duration(duration)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
    _say(alert=name, action=Action.SHELVE, author=author, note=note, shelve_for=length)


def feedback(
    name: Name,
    verdict: Annotated[Verdict, typer.Option(help="Whether the alert was real.")],
    author: Author,
    note: Note = "",
) -> None:
    """Say what you found: the verdict becomes a label for training, and counts in the precision of the alerts.

    The newest verdict of each author counts.
    """
    configure_logs("feedback", level="warning", form="console")
    _say(alert=name, action=Action.VERDICT, author=author, note=note, verdict=verdict)


def _say(**said: Any) -> None:
    try:
        statement = Statement.model_validate(said)
    except ValidationError as error:
        raise ConfigError(faults(error)) from None
    settings = read_settings(AlertSettings)
    desk = Desk(settings.kafka, load_plant(settings.plant), settings.alert.shelf_limit)
    typer.echo(_run(desk.take(statement), settings.kafka).id)


def _run(work: Coroutine[Any, Any, _Result], kafka: KafkaSettings) -> _Result:
    try:
        return asyncio.run(work)
    except KafkaError as error:
        servers = kafka.bootstrap_servers
        raise ConfigError(f"the broker at {servers} cannot be used: {error}; see ANDON_KAFKA__*") from error
