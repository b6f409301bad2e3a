"""`andon parity check`: whether the vectors of the last hours are those that the offline path makes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich import box
from rich.console import Console
from rich.table import Table

from andon.clock import wall_clock
from andon.errors import ConfigError
from andon.parity.checker import Checker, Subject
from andon.parity.compare import Parity
from andon.parity.reading import check_since
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.settings import KafkaSettings, Settings, read_settings
from andon.stream.topics import count_partitions, topic_name
from andon.units import parse_duration
from andon.uns import Stage

#: Exit code when a vector is not what the offline path makes of its frames: do not promote a model on its definition.
_MISMATCH = 1

app = typer.Typer(help="Compare feature vectors that were sent with what the offline path makes of the same frames.")


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own while it is the only one."""


@app.command()
def check(
    since: Annotated[str, typer.Option("--from", help="How far back, such as 30min, 2h or 1d.")] = "1h",
    tolerance: Annotated[
        float, typer.Option(min=0, help="Largest relative error that is no mismatch; 0 wants the same bits.")
    ] = 0.0,
) -> None:
    """Recompute every vector that was sent since then, and compare. Exit code 1 tells of mismatches.

    Reads the plant model that ANDON_PLANT names and the broker of ANDON_KAFKA__*.
    """
    settings = read_settings(Settings)
    plant = load_plant(settings.plant)
    try:
        span = parse_duration(since)
    except ValueError as error:
        raise ConfigError(f"--from: {error}") from None
    console = Console(highlight=False, soft_wrap=True)
    with console.status("reading vectors and frames ..."):
        found = _check(settings.kafka, plant, Checker(plant, tolerance), wall_clock() - span)
    _show(found, console)
    if any(parity.mismatches for parity in found.values()):
        raise typer.Exit(_MISMATCH)


def _check(kafka: KafkaSettings, plant: Plant, checker: Checker, since: int) -> Mapping[Subject, Parity]:
    try:
        return asyncio.run(_read(kafka, plant, checker, since))
    except KafkaError as error:
        raise ConfigError(
            f"the broker at {kafka.bootstrap_servers} cannot be used: {error}; check ANDON_KAFKA__*"
        ) from error


async def _read(kafka: KafkaSettings, plant: Plant, checker: Checker, since: int) -> Mapping[Subject, Parity]:
    topic = topic_name(plant, Stage.FEATURE)
    partitions = (await count_partitions(kafka)).get(topic)
    if partitions is None:
        raise ConfigError(f"there is no topic {topic} at {kafka.bootstrap_servers} (no service of this site ran there)")
    return await check_since(kafka, plant, checker, partitions, since)


def _show(found: Mapping[Subject, Parity], console: Console) -> None:
    table = Table("class", "definition", box=box.SIMPLE_HEAD)
    for heading in ("checked", "mismatches", "largest relative error", "frames gone"):
        table.add_column(heading, justify="right")
    for subject, parity in sorted(found.items()):
        style = "red" if parity.mismatches else None
        figures = f"{parity.checked:,}", f"{parity.mismatches:,}", f"{parity.largest:.3g}", f"{parity.gone:,}"
        table.add_row(*subject, *figures, style=style)
    if not found:
        console.print("No vectors of this plant model's definitions were sent in that time.")
        return
    console.print(table)
    for each in (difference for parity in found.values() for difference in parity.differences):
        console.print(f"{each.vector}: {each.name} was {each.sent!r}, is {each.again!r}", markup=False)
