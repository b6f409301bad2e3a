"""Run the parity service: ``python -m services.parity``."""

from __future__ import annotations

import asyncio

from andon.plant import Plant
from andon.service import run_service
from andon.settings import Settings
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics, served
from services.parity.service import ParityService
from services.parity.settings import ParitySettings


class ServiceSettings(Settings):
    """Settings of the parity service."""

    parity: ParitySettings = ParitySettings()


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Check vectors until *stop* is set."""
    service = ParityService(plant, settings.kafka, settings.parity, metrics)
    async with served(settings.telemetry, metrics, lambda: service.ready):
        await ensure_topics(settings.kafka, plant)
        await service.run(stop)


if __name__ == "__main__":
    run_service("parity", ServiceSettings, run)
