"""`andon deadletter`: look at records that could not be processed, and send them again after a fix."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from andon.clock import SECOND, wall_clock
from andon.contracts import DeadLetter, DeadLetterReason
from andon.errors import ConfigError
from andon.plant.load import load_plant
from andon.settings import KafkaSettings, Settings, read_settings
from andon.stream.letter_view import letter_text, letters_table, printable, reasons_line
from andon.stream.letters import Digest, Selection, one_of_each, source_of
from andon.stream.replay import Plan, plan_replay, read_letters, send_back
from andon.stream.topics import topic_name
from andon.telemetry import configure_logs
from andon.units import parse_duration
from andon.uns import Stage

#: Exit code when some records could not be sent back; trying again can help.
_INCOMPLETE = 1

Reasons = Annotated[
    list[DeadLetterReason] | None,
    typer.Option("--reason", metavar="CODE", help="Only this reason, such as late; may be given several times."),
]
Service = Annotated[str | None, typer.Option(metavar="NAME", help="Only what this service set aside.")]
Asset = Annotated[
    str | None, typer.Option(metavar="PATH", help="Only this key, or what lies below it, such as water/line-1.")
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only since then: ISO 8601, UTC when without offset, such as 2026-03-01T06:00."),
]
Last = Annotated[str | None, typer.Option(metavar="DURATION", help="Only the last while, such as 30min, 2h or 1d.")]

Result = TypeVar("Result")

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def deadletter() -> None:
    """Look at records that could not be processed, and send them again after a fix.

    Reads the plant model ([cyan]ANDON_PLANT[/]) for the topic's name, and [cyan]ANDON_KAFKA__*[/] for the broker.
    """
    configure_logs("deadletter", level="warning", form="console")


@app.command("list")
def list_letters(
    reason: Reasons = None,
    service: Service = None,
    asset: Asset = None,
    since: Since = None,
    last: Last = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many, the newest.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, whole letters, no counts.")] = False,
) -> None:
    """List dead letters, oldest first, and count them by reason."""
    digest = _read(_selection(reason, service, asset, since, last).takes, limit)
    if json:
        for letter in digest.letters:
            typer.echo(letter.model_dump_json())
        return
    console = Console(highlight=False)
    if digest.letters:
        console.print(letters_table(digest.letters))
    shown = f" (the newest {limit} are shown)" if digest.reasons.total() > limit else ""
    console.print(reasons_line(digest.reasons) + shown, soft_wrap=True)


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, or its source as listed.")],
) -> None:
    """Show one dead letter whole, with the original record: as text if it is JSON, else in hexadecimal."""
    found = _read(lambda letter: f"{letter.id}:".startswith(f"{letter_id}:") or letter_id == source_of(letter)).letters
    if not found:
        raise ConfigError(f"there is no dead letter {letter_id!r}; `andon deadletter list` shows all sources")
    typer.echo("\n\n".join(map(letter_text, found)))


@app.command()
def replay(
    reason: Reasons = None,
    service: Service = None,
    asset: Asset = None,
    since: Since = None,
    last: Last = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Send at most this many, the newest.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Send original records back to where they came from: same topic, partition, key, headers and bytes.

    [bold]It is safe to repeat:[/] the ids of events derive from asset and event time, so a record that is \
processed twice makes the same events again, and every sink counts them once. The dead letters stay; a record \
that fails again gets one more.
    """
    letters = one_of_each(_read(_selection(reason, service, asset, since, last).takes, limit).letters)
    plan = _run(lambda kafka, _: plan_replay(kafka, letters))
    _print_plan(plan, "would be sent to" if dry_run else "for")
    if plan.originals and not dry_run:
        if not yes:
            typer.confirm(f"Send {_records(len(plan.originals))} back?", abort=True)
        refused = _run(lambda kafka, _: send_back(kafka, plan.originals))
        typer.echo(f"{_records(len(plan.originals) - len(refused))} sent back")
        plan.missing.extend(f"{one.topic}/{one.partition}: larger than the broker takes" for one in refused)
    for sentence in plan.missing:
        typer.echo(f"not sent: {printable(sentence)}", err=True)
    if plan.missing:
        raise typer.Exit(_INCOMPLETE)


def _print_plan(plan: Plan, verb: str) -> None:
    if not plan.originals:
        typer.echo("no records to send back")
    for (topic, partition), count in Counter((one.topic, one.partition) for one in plan.originals).items():
        typer.echo(f"{_records(count)} {verb} {topic}, partition {partition}")


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"


def _selection(
    reasons: list[DeadLetterReason] | None, service: str | None, asset: str | None, since: str | None, last: str | None
) -> Selection:
    return Selection(frozenset(reasons or ()), service, asset.rstrip("/") if asset else None, _earliest(since, last))


def _earliest(since: str | None, last: str | None) -> int:
    """Return the moment that --since or --last names, microseconds UTC."""
    if since and last:
        raise typer.BadParameter("--since and --last exclude each other")
    try:
        if last:
            return wall_clock() - parse_duration(last)
        moment = datetime.fromisoformat(since) if since else datetime.fromtimestamp(0, UTC)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--last" if last else "--since") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * SECOND)


def _read(takes: Callable[[DeadLetter], bool], limit: int | None = None) -> Digest:
    async def digest(kafka: KafkaSettings, topic: str) -> Digest:
        made = Digest(limit)
        async for letter in read_letters(kafka, topic):
            if takes(letter):
                made.add(letter)
        return made

    return _run(digest)


def _run(work: Callable[[KafkaSettings, str], Coroutine[Any, Any, Result]]) -> Result:
    """Do *work* with the settings of the broker and the dead letters' topic."""
    settings = read_settings(Settings)
    topic = topic_name(load_plant(settings.plant), Stage.DEADLETTER)
    try:
        return asyncio.run(work(settings.kafka, topic))
    except KafkaError as error:
        raise ConfigError(
            f"the broker at {settings.kafka.bootstrap_servers} ({settings.kafka.security_protocol}) cannot be used: "
            f"{error}; check ANDON_KAFKA__BOOTSTRAP_SERVERS, and ANDON_KAFKA__TLS__* and __SASL__* if it is secured"
        ) from error
