"""Run the oee service: ``python -m services.oee``."""

from __future__ import annotations

import asyncio
import contextlib

from andon.database import connect, migrate
from andon.database.connection import persist
from andon.plant import Plant
from andon.service import run_service
from andon.settings import Settings
from andon.stream.topics import ensure_topics
from andon.telemetry import Metrics, served
from services.oee.settings import OeeSettings
from services.oee.shell import OeeService

_RETRY_S = 1.0


class ServiceSettings(Settings):
    """Settings of the oee service."""

    oee: OeeSettings = OeeSettings()


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Keep indicators up to date until *stop* is set."""
    service = OeeService(plant, settings.kafka, settings.oee, metrics)

    def away() -> None:
        metrics.set("andon_database_away", 1)

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(served(settings.telemetry, metrics, lambda: service.ready))
        await ensure_topics(settings.kafka, plant)
        database = await persist(
            lambda: stack.enter_async_context(connect(settings.database, application="andon-oee")), _RETRY_S, away
        )
        if settings.database.migrate:
            await persist(lambda: migrate(database), _RETRY_S, away)
        await service.run(database, stop)


if __name__ == "__main__":
    run_service("oee", ServiceSettings, run)
