"""Run the historian: ``python -m services.historian``."""

from __future__ import annotations

import asyncio

from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.service import run_service
from andon.telemetry import Metrics
from services.historian.settings import ServiceSettings
from services.historian.sink import Sink


async def _run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    sink = Sink(plant, settings, metrics)
    async with collected_by_the_clock():
        await sink.run(stop)


if __name__ == "__main__":
    run_service("historian", ServiceSettings, _run)
