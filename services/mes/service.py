"""The MES service put together."""

from __future__ import annotations

import asyncio

from andon.clock import wall_clock
from andon.database import connect, migrate
from andon.plant import Plant
from andon.service import run_until
from andon.telemetry import Metrics, served
from andon.uns.places import places_of
from services.mes.feed import Feed
from services.mes.mapping_file import load_mapping
from services.mes.outbox import opened
from services.mes.poller import Poller
from services.mes.settings import ServiceSettings
from services.mes.source import read_dsn
from services.mes.store import Store


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Read all systems until told to stop.

    Raises:
        ConfigError: the mapping, a secret, the database or the site's topics cannot be used as they are.
        DatabaseError: Andon's own database does not answer.
        KafkaError: no broker answers.
    """
    systems = load_mapping(settings.mes.file, plant).systems
    addresses = {system.name: read_dsn(system) for system in systems}
    places = places_of(plant.assets)
    async with (
        connect(settings.database, application="andon-mes") as database,
        opened(settings.kafka, plant, metrics) as outbox,
        served(settings.telemetry, metrics),
    ):
        if settings.database.migrate:
            await migrate(database)
        store = Store(database, metrics)
        batch = settings.mes.batch
        pollers = [
            Poller(
                system,
                addresses[system.name],
                [Feed(system, table, places, outbox, store, batch, metrics, wall_clock) for table in system.tables],
            )
            for system in systems
        ]
        await run_until(stop, *(each for poller in pollers for each in (poller.run(), poller.show_lag())))
