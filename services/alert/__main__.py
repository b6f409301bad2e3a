"""Run the alert service: ``python -m services.alert``."""

from __future__ import annotations

import asyncio

from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.stream.worker import Worker
from andon.telemetry import Metrics
from services.alert.inbox import Inbox
from services.alert.lamps import Lamps
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings
from services.alert.voices import Voices


async def run(plant: Plant, settings: AlertSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Hear people, show what stands and run the stage until *stop* is set."""
    inbox = Inbox()
    worker = Worker(alert_stage(plant, settings, inbox), plant, settings, metrics=metrics)
    voices = Voices(plant, settings, metrics, inbox)
    lamps = Lamps(plant, settings.kafka, metrics)
    async with collected_by_the_clock(), voices.heard(stop), lamps.lit(stop):
        await worker.run(stop)


if __name__ == "__main__":
    run_service("alert", AlertSettings, run)
