"""Run the context service: ``python -m services.context``."""

from __future__ import annotations

import asyncio

from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.settings import Settings
from andon.stream.topics import ensure_topics
from andon.stream.worker import Worker
from andon.telemetry import Metrics
from services.context.circumstances import Circumstances
from services.context.corrector import Corrector
from services.context.news import News
from services.context.processor import context_stage
from services.context.sent import Sent
from services.context.settings import ContextSettings


class ServiceSettings(Settings):
    """Settings of the context service."""

    context: ContextSettings = ContextSettings()


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Follow the news and run the stage until *stop* is set."""
    circumstances = Circumstances(plant)
    sent = Sent(plant)
    worker = Worker(context_stage(plant, settings.context, circumstances, sent), plant, settings, metrics=metrics)
    live = settings.context.input == "raw"
    corrector = None
    if live and settings.context.correct:
        corrector = Corrector(plant, settings.kafka, settings.context, metrics, sent, lambda: worker.partitions)
    news = News(plant, settings, settings.context, metrics, circumstances, corrector, relays=live)
    await ensure_topics(settings.kafka, plant)
    async with collected_by_the_clock(), news.followed(stop):
        await worker.run(stop)


if __name__ == "__main__":
    run_service("context", ServiceSettings, run)
