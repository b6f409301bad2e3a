"""Run the parity service: ``python -m services.parity``."""

from __future__ import annotations

import asyncio
import contextlib

from andon.plant import Plant
from andon.registry.client import connected
from andon.registry.settings import ClientSettings
from andon.service import run_service
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics, served
from services.parity.report import Reporter
from services.parity.service import ParityService
from services.parity.settings import ParitySettings


class ServiceSettings(ClientSettings):
    """Settings of the parity service; where they name a registry, it is told what checks come to."""

    parity: ParitySettings = ParitySettings()


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Check vectors until *stop* is set."""
    async with contextlib.AsyncExitStack() as stack:
        reporter = await _reporter(settings, metrics, stack)
        service = ParityService(plant, settings.kafka, settings.parity, metrics, reporter)
        await stack.enter_async_context(served(settings.telemetry, metrics, lambda: service.ready))
        await ensure_topics(settings.kafka, plant)
        await service.run(stop)


async def _reporter(settings: ServiceSettings, metrics: Metrics, stack: contextlib.AsyncExitStack) -> Reporter | None:
    if settings.models.registry.address is None:
        return None
    return Reporter(await stack.enter_async_context(connected(settings.models.registry)), metrics)


if __name__ == "__main__":
    run_service("parity", ServiceSettings, run)
