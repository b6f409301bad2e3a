"""The shell around a rehearsal: reads the site's raw topic, and prints what would change."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.text import Text

from andon.clock import wall_clock
from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.rehearsal.compare import Rehearsal
from andon.rehearsal.report import Report
from andon.rehearsal.view import report_view
from andon.settings import KafkaSettings, Settings, read_settings
from andon.stream.reading import read_to_end
from andon.stream.topics import count_partitions, topic_name
from andon.units import format_duration
from andon.uns import Stage

#: Records of a partition that are compared at once.
_CHUNK = 5_000


def rehearse(console: Console, changed: Plant, span: int, current: Path | None) -> None:
    """Print what *changed* would make of the site's raw frames of late that the current model does not.

    Args:
        console: where to print.
        changed: the plant model that may be.
        span: how far back to read, microseconds.
        current: file of the model that is applied now; None for the one that ANDON_PLANT names.

    Raises:
        ConfigError: the settings, the current model, or the broker cannot be used.
    """
    settings = read_settings(Settings)
    now = load_plant(current or settings.plant)
    if now.version == changed.version:
        console.print("This is the current model: name the one before with --current.", style="yellow")
        return
    since = wall_clock() - span
    with console.status("reading raw frames ..."):
        report = _compare(settings.kafka, now, changed, since)
    if report.frames:
        frames, versions = f"{report.frames:,} frames", f"{now.version} (current) → {changed.version}"
        console.print(Text.assemble((frames, "bold"), f" of the last {format_duration(span)}, {versions}"))
    else:
        topic = topic_name(now, Stage.RAW)
        console.print(f"No frames of the last {format_duration(span)} in {topic}: there is nothing to try it on.")
    if report.frames or report.differs:
        console.print(report_view(report))


def _compare(kafka: KafkaSettings, current: Plant, changed: Plant, since: int) -> Report:
    try:
        return asyncio.run(_read(kafka, current, changed, since))
    except KafkaError as error:
        raise ConfigError(
            f"the broker at {kafka.bootstrap_servers} cannot be used: {error}; check ANDON_KAFKA__*"
        ) from error


async def _read(kafka: KafkaSettings, current: Plant, changed: Plant, since: int) -> Report:
    topic = topic_name(current, Stage.RAW)
    partitions = (await count_partitions(kafka)).get(topic)
    if partitions is None:
        raise ConfigError(f"there is no topic {topic} at {kafka.bootstrap_servers} (no service of this site ran there)")
    rehearsal, waiting = Rehearsal(current, changed), defaultdict[int, list[ConsumerRecord]](list)
    async for record in read_to_end(kafka, topic, range(partitions), since=since):
        chunk = waiting[record.partition]
        chunk.append(record)
        if len(chunk) == _CHUNK:
            rehearsal.add(waiting.pop(record.partition))
    for chunk in waiting.values():
        rehearsal.add(chunk)
    return rehearsal.report
