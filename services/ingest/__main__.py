"""Run the ingest service: ``python -m services.ingest``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from andon.clock import SECOND
from andon.plant import Plant
from andon.service import run_service
from andon.settings import Settings
from andon.stream.plant_events import Told, follow_events
from andon.stream.topics import topic_name
from andon.telemetry import Metrics, served
from andon.telemetry.certificates import show_certificates
from andon.tracing import tracing
from andon.uns import Stage
from services.ingest.intake import Pipeline
from services.ingest.mqtt.source import MqttSource
from services.ingest.opcua.source import OpcUaSource
from services.ingest.outlet.outlet import Outlet
from services.ingest.outlet.traces import Traces
from services.ingest.readings import Signals
from services.ingest.recording.source import RecordingSource
from services.ingest.settings import IngestSettings
from services.ingest.source import Source
from services.ingest.sources import load_sources
from services.ingest.sparkplug.source import SparkplugSource

#: Kind of source in the sources file to what reads it.
_KINDS = {"opcua": OpcUaSource, "mqtt": MqttSource, "sparkplug": SparkplugSource, "recording": RecordingSource}


class ServiceSettings(Settings):
    """Settings of the ingest service."""

    ingest: IngestSettings = IngestSettings()


async def _run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    signals = Signals(plant)
    sources = _open_sources(settings.ingest, plant, signals, metrics)
    traced = settings.telemetry.tracing
    async with (
        served(settings.telemetry, metrics),
        tracing(traced, metrics) as tracer,
        Outlet(settings.kafka, settings.ingest.spool, plant, metrics, traces=Traces(tracer, traced.ratio)) as outlet,
    ):
        pipeline = Pipeline(plant, signals, settings.ingest, outlet, metrics)
        events = topic_name(plant, Stage.EVENT)

        def watched(told: Told) -> None:
            if told.event:
                pipeline.vigil.plant_event(told.event)

        reading = asyncio.create_task(_read(sources, pipeline))
        work = (
            reading,
            asyncio.create_task(pipeline.run()),
            asyncio.create_task(pipeline.watch()),
            asyncio.create_task(outlet.watch()),
            asyncio.create_task(follow_events(settings.kafka, events, watched)),
        )
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((*work, stopping), return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and not reading.exception():
                await _linger(settings.ingest, stopping)
        finally:
            await _end((*work, stopping))
            await pipeline.flush(all_of_it=True)
        for task in work:
            if task.done() and not task.cancelled():
                task.result()


def _open_sources(settings: IngestSettings, plant: Plant, signals: Signals, metrics: Metrics) -> Sequence[Source]:
    configs = load_sources(settings.sources).sources
    show_certificates(metrics, *configs)
    return [_KINDS[config.kind](config, signals, plant, metrics) for config in configs]


async def _read(sources: Sequence[Source], pipeline: Pipeline) -> None:
    """Run all sources; return when none of them will ever bring more."""
    await asyncio.gather(*(source.run(pipeline.intake(source.name)) for source in sources))


async def _linger(settings: IngestSettings, stopping: asyncio.Task[bool]) -> None:
    """Stay for a while after the end of all recordings, so that the last figures can still be scraped."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(settings.linger / SECOND):
            await asyncio.shield(stopping)


async def _end(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


if __name__ == "__main__":
    run_service("ingest", ServiceSettings, _run)
