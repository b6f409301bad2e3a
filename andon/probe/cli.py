"""`andon probe`: whether a frame that goes in comes out as a verdict."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from andon.clock import MILLISECOND, wall_clock
from andon.errors import ConfigError
from andon.plant.load import load_plant
from andon.probe.frame import probe_frame
from andon.probe.passage import WAY, Passage
from andon.probe.send import send_through
from andon.settings import Settings, read_settings
from andon.telemetry import configure_logs
from andon.units import format_duration, parse_duration
from andon.uns import Stage

#: Exit code when the frame was not judged.
_NOT_JUDGED = 1
#: A stage to whose work it is, and what to look at.
_MAKERS = {Stage.CONTEXT: "context", Stage.FEATURE: "feature", Stage.INFERENCE: "inference"}


def probe(
    asset: Annotated[str, typer.Argument(help="Whose frame to send, such as water/line-1/station-1/pump-3.")],
    timeout: Annotated[str, typer.Option(help="How long to wait for the verdict, such as 90s or 5min.")] = "2min",
) -> None:
    """Send one frame through the running services, and wait for the verdict on its window.

    The frame is made up: give an asset that stands for no machine, so that it disturbs none. Exit code 1 tells that no
    verdict came, and which stage it did not pass. Reads the plant model that ANDON_PLANT names and the broker of
    ANDON_KAFKA__*.
    """
    configure_logs("probe", level="warning", form="console")
    settings = read_settings(Settings)
    plant = load_plant(settings.plant)
    patience = _duration(timeout)
    frame = probe_frame(plant, asset, wall_clock())
    try:
        passage = asyncio.run(send_through(settings.kafka, plant, frame, patience))
    except KafkaError as error:
        raise ConfigError(
            f"the broker at {settings.kafka.bootstrap_servers} cannot be used: {error}; check ANDON_KAFKA__*"
        ) from error
    Console(highlight=False, soft_wrap=True).print(report(passage, patience), markup=False)
    if passage.verdict is None:
        raise typer.Exit(_NOT_JUDGED)


def _duration(text: str) -> int:
    try:
        duration = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--timeout: {error}") from None
    if duration <= 0:
        raise ConfigError("--timeout: must be more than nothing")
    return duration


def report(passage: Passage, patience: int) -> str:
    """Return what became of a frame, for a person: each stage that it passed, and how it ended."""
    frame = passage.frame
    lines = [f"frame {frame.id} sent"]
    lines += [f"{_after(passage, stage):>9}  {stage}" for stage in WAY if stage in passage.seen]
    return "\n".join([*lines, _end(passage, patience)])


def _end(passage: Passage, patience: int) -> str:
    if verdict := passage.verdict:
        reason = f" ({verdict.reason})" if verdict.reason else ""
        return f"its window was judged: {verdict.decision}{reason}"
    if letter := passage.letter:
        return f"{letter.service} set it aside: {letter.reason}: {letter.detail} (see `andon deadletter list`)"
    maker = _MAKERS[passage.missing]
    return (
        f"nothing came on the {passage.missing} topic in {format_duration(patience)}: is the {maker} service ready "
        f"(/readyz), is its lag small (andon_lag_records), does the window of the asset's class close in that time?"
    )


def _after(passage: Passage, stage: Stage) -> str:
    return f"{(passage.seen[stage] - passage.frame.time) // MILLISECOND:,} ms"
