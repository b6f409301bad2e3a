"""`andon retrain`: a person asks for a new model of a class."""

from __future__ import annotations

import asyncio
import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from andon.clock import to_micros, wall_clock
from andon.contracts import ModelEvent
from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.service import run_until
from andon.settings import KafkaSettings, read_settings
from andon.stream.follow import Told, follow
from andon.stream.model_events import model_lines
from andon.stream.publish import publishing
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import configure_logs
from andon.uns import Stage
from services.trainer.retraining.ledger import Ledger
from services.trainer.retraining.requests import asked_by_person
from services.trainer.settings import ServiceSettings

#: Exit code when no model came of it.
_REFUSED = 2


def retrain(
    asset_class: Annotated[str, typer.Argument(metavar="CLASS", help="Class of machines in the plant model.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; an auditor will read it.")],
    author: Annotated[str | None, typer.Option(metavar="NAME", help="Who asks; else who is logged in.")] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", help="Begin of the data, UTC; else ANDON_TRAINER__HISTORY ago.")
    ] = None,
    plant: Annotated[Path | None, typer.Option(help="Plant model; else ANDON_PLANT.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it is known what came of it.")] = False,
) -> None:
    """Ask the trainer for a new model of a class; people let it act, as always (andon registry)."""
    configure_logs("retrain", level="error", form="console")
    settings = read_settings(ServiceSettings)
    model = load_plant(plant or settings.plant)
    if asset_class not in model.classes:
        raise ConfigError(f"the plant model has no class {asset_class!r}: it has {', '.join(model.classes)}")
    if not reason.strip():
        raise ConfigError("--reason: give a reason, an auditor will ask for it")
    now = wall_clock()
    begin = now - settings.trainer.history if since is None else to_micros(since.replace(tzinfo=UTC))
    request = asked_by_person(asset_class, now, max(0, begin), author or getpass.getuser(), reason)
    try:
        asyncio.run(_tell(settings.kafka, model, request))
        typer.echo(request.id)
        if wait:
            _show(asyncio.run(_answer(settings.kafka, model, request)))
    except KafkaError as error:
        servers = settings.kafka.bootstrap_servers
        raise ConfigError(f"the broker at {servers} cannot be used: {error}; see ANDON_KAFKA__*") from error


async def _tell(kafka: KafkaSettings, plant: Plant, request: ModelEvent) -> None:
    await ensure_topics(kafka, plant)
    async with publishing(kafka, topic_name(plant, Stage.MODEL)) as publisher:
        await publisher.deliver(model_lines([request]))


async def _answer(kafka: KafkaSettings, plant: Plant, request: ModelEvent) -> ModelEvent:
    """Return what came of a request, as soon as it is told."""
    ledger, answered = Ledger(), asyncio.Event()

    def hear(told: Told[ModelEvent]) -> None:
        if told.event is not None:
            ledger.take(told.event)
        if ledger.outcome(request.id) is not None:
            answered.set()

    await run_until(answered, follow(kafka, topic_name(plant, Stage.MODEL), ModelEvent, hear))
    outcome = ledger.outcome(request.id)
    if outcome is None:
        raise ConfigError("the model topic cannot be followed any more")
    return outcome


def _show(outcome: ModelEvent) -> None:
    if outcome.action == "retrained":
        typer.echo(f"candidate {outcome.name} {outcome.version}: andon registry show {outcome.name} {outcome.version}")
        return
    code = outcome.retrain.code if outcome.retrain else None
    typer.echo(f"{outcome.action.replace('_', ' ')}, {code}: {outcome.reason}")
    raise typer.Exit(_REFUSED)
