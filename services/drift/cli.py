"""`andon drift report`: what was reported of a machine, and its signals now beside those of its model's reference."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
import typer
from aiokafka.errors import KafkaError
from rich.markup import escape

from andon.clock import SECOND, isoformat, wall_clock
from andon.contracts import DriftReport, FeatureVector
from andon.errors import BundleError, ConfigError
from andon.features.wording import feature_in_words
from andon.models import Reference
from andon.models.bundle import read_bundle
from andon.plant import AssetClass, Plant
from andon.plant.load import load_plant
from andon.settings import KafkaSettings, Settings, read_settings
from andon.stream.publish import partition_of
from andon.stream.reading import read_to_end
from andon.stream.topics import count_partitions, topic_name
from andon.terminal import terminal
from andon.uns import Stage
from andon.words import unit_in_words
from services.drift.page import Signal, render

app = typer.Typer(help="Look at machines that have changed.", no_args_is_help=True)
#: Signals that a page shows when the report names none.
_SHOWN = 6
_HOUR = 3_600 * SECOND


@app.callback()
def _drift() -> None:
    """Look at machines that have changed."""


@app.command()
def report(
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Path of the machine in the plant model.")],
    html: Annotated[
        Path | None, typer.Option(help="Write a page with distributions then and now to this file.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="With --html: folder of the bundle that it was watched by.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="With --html: how much of the present to show.")] = 24,
) -> None:
    """Show what was reported of a machine: states, cause, evidence and the next step.

    Reads the plant model that ANDON_PLANT names and the broker of ANDON_KAFKA__*.
    """
    settings = read_settings(Settings)
    plant = load_plant(settings.plant)
    name = plant.class_of(asset)
    if name is None:
        raise ConfigError(f"there is no asset {asset!r} in the plant model")
    if (html is None) != (bundle is None):
        raise ConfigError("--html needs --bundle, and nothing else does: name both or none")
    try:
        reports = asyncio.run(_reports(settings.kafka, plant, asset))
        _show(asset, reports)
        if html and bundle and reports:
            vectors = asyncio.run(_vectors(settings.kafka, plant, asset, max(0, wall_clock() - round(hours * _HOUR))))
            signals = _signals(plant.classes[name], _reference(bundle, asset), vectors, reports[-1])
            html.write_text(render(asset, reports, signals), encoding="utf-8")
            terminal().print(f"page: {html}", markup=False)
    except KafkaError as error:
        servers = settings.kafka.bootstrap_servers
        raise ConfigError(f"the broker at {servers} cannot be used: {error}; see ANDON_KAFKA__*") from error


async def _reports(kafka: KafkaSettings, plant: Plant, asset: str) -> list[DriftReport]:
    """Return the reports of a machine by time, each once."""
    topic, partition = await _where(kafka, plant, Stage.DRIFT, asset)
    key = asset.encode()
    found = [
        DriftReport.model_validate_json(r.value) async for r in read_to_end(kafka, topic, partition) if r.key == key
    ]
    return sorted({each.id: each for each in found}.values(), key=lambda each: each.time)


async def _vectors(kafka: KafkaSettings, plant: Plant, asset: str, since: int) -> list[FeatureVector]:
    topic, partition = await _where(kafka, plant, Stage.FEATURE, asset)
    key, records = asset.encode(), read_to_end(kafka, topic, partition, since=since)
    return [FeatureVector.model_validate_json(record.value) async for record in records if record.key == key]


async def _where(kafka: KafkaSettings, plant: Plant, stage: Stage, asset: str) -> tuple[str, tuple[int]]:
    topic = topic_name(plant, stage)
    count = (await count_partitions(kafka)).get(topic)
    if not count:
        raise ConfigError(f"there is no topic {topic}: has the drift service ever run at this site?")
    return topic, (partition_of(asset.encode(), count),)


def _reference(bundle: Path, asset: str) -> pl.DataFrame:
    """Return a machine's windows of the reference; all machines' where it has none of its own."""
    found = read_bundle(bundle)
    if found.reference is None:
        raise BundleError(f"{bundle} has no reference: it was made before bundles had some, train the model again")
    frame = Reference.parse(found.reference, found.manifest.features).frame
    own = frame.filter(asset=asset)
    return own if own.height else frame


def _signals(
    asset_class: AssetClass, reference: pl.DataFrame, vectors: Sequence[FeatureVector], last: DriftReport
) -> list[Signal]:
    """Return the signals to show: those that the newest report is about, or else the first of the class."""
    told = dict.fromkeys(evidence.subject for evidence in last.evidence)
    features = [each for each in asset_class.feature_definition.features if each.name in reference.columns]
    chosen = [each for each in features if each.name in told] or features[:_SHOWN]
    time = np.array([vector.time for vector in vectors], dtype=np.float64)
    return [
        Signal(
            name=feature_in_words(each.tag, each.statistic),
            unit=unit_in_words(asset_class.feature_units.get(each.name)),
            reference=reference[each.name].cast(pl.Float64).fill_null(np.nan).to_numpy(),
            time=time,
            value=np.array([vector.features.get(each.name) for vector in vectors], dtype=np.float64),
        )
        for each in chosen
    ]


def _show(asset: str, reports: Sequence[DriftReport]) -> None:
    out = terminal()
    if not reports:
        out.print(f"nothing was reported of {asset}: the drift service has seen no window of it", markup=False)
        return
    for each in reports:
        cause = "" if each.cause in ("none", "unknown") else f" ({each.cause.replace('_', ' ')})"
        out.print(f"{isoformat(each.time)[:19]}  [bold]{each.state}[/]{cause}  {escape(each.message)}", soft_wrap=True)
    last = reports[-1]
    for evidence in last.evidence:
        strength = f"{evidence.statistic:.3g} of {evidence.threshold:.3g}"
        out.print(f"    {evidence.detector:<8} {strength:>16}  {escape(evidence.words)}", soft_wrap=True)
    out.print(f"what to do: {last.action}", markup=False, soft_wrap=True)
    out.print(f"retrain: {last.retrain}", markup=False)
