"""The notify service put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from andon.clock import SECOND, wall_clock
from andon.plant import Plant
from andon.stream.producer import BatchProducer
from andon.stream.topics import ensure_topics
from andon.telemetry import Health, Metrics, Progress
from andon.telemetry.certificates import show_certificates
from andon.tracing import Tracer, tracing
from services.notify.channel import Channel
from services.notify.config import AnySinkConfig
from services.notify.files import check_routes, load_sinks
from services.notify.report import SinkReport
from services.notify.settings import ServiceSettings
from services.notify.sinks.kinds import make_sink


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Tell all sinks until told to stop. Readiness depends on Kafka only: a sink that is away is waited for.

    Raises:
        ConfigError: the sinks, a route, a secret or the site's topics cannot be used as they are.
        KafkaError: no broker answers.
    """
    sinks = load_sinks(settings.notify.sinks)
    show_certificates(metrics, *sinks.sinks)
    check_routes(settings.plant, plant, sinks.names)
    progress = Progress(settings.telemetry.progress_timeout / SECOND, time.monotonic)
    producer = BatchProducer(settings.kafka)

    def channel(config: AnySinkConfig, tracer: Tracer) -> Channel:
        report = SinkReport(config.name, plant, producer, metrics, wall_clock, tracer)
        return Channel(config, make_sink(config, plant), plant, settings, report, progress)

    async with tracing(settings.telemetry.tracing, metrics) as tracer:
        channels = [channel(config, tracer) for config in sinks.sinks]
        health = Health(metrics, progress, ready=lambda: all(each.assigned for each in channels))
        await health.start(settings.telemetry.host, settings.telemetry.port)
        try:
            await ensure_topics(settings.kafka, plant)
            await producer.start()
            await _together(*(each.run(stop) for each in channels))
        finally:
            await producer.stop()
            await health.stop()


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Return when all of *work* has ended; when one part fails, end the others and raise what it raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
