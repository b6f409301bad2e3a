"""Run the registry: ``python -m services.registry``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from andon.clock import wall_clock
from andon.database import Database, connect, migrate
from andon.database.connection import persist
from andon.plant import Plant
from andon.service import run_service
from andon.signing import Trust
from andon.stream.publish import Publisher, publishing
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import Metrics, get_logger, served
from andon.uns import Stage
from services.registry.access import load_access
from services.registry.announcer import announce
from services.registry.blobs import FolderBlobs
from services.registry.changes import Changes
from services.registry.identity import Guard
from services.registry.intake import Intake
from services.registry.promotions import Promotions
from services.registry.server import serving
from services.registry.service import Parts, RegistryService
from services.registry.settings import ServiceSettings
from services.registry.store import Store

_log = get_logger(__name__)
_RETRY_S = 1.0


async def run(plant: Plant, settings: ServiceSettings, metrics: Metrics, stop: asyncio.Event) -> None:
    """Answer calls until *stop* is set."""
    own = settings.registry
    trust, guard = Trust.load(own.trust), Guard(load_access(own.access), metrics)
    blobs, changes = FolderBlobs(own.blobs), Changes(metrics)
    metrics.set("andon_registry_insecure", own.insecure)
    ready = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(served(settings.telemetry, metrics, ready.is_set))
        database = await persist(
            lambda: stack.enter_async_context(connect(settings.database, application="andon-registry")),
            _RETRY_S,
            lambda: metrics.set("andon_database_away", 1),
        )
        if settings.database.migrate:
            await migrate(database)
        store = Store(database)
        promotions = Promotions(store, blobs, trust, own.parity_memory, wall_clock)
        parts = Parts(store, blobs, Intake(blobs, trust, own.max_bundle_bytes, wall_clock), promotions, changes)
        port = await stack.enter_async_context(serving(own, RegistryService(parts), guard))
        _log.info("started", port=port, blobs=str(own.blobs))
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(changes.listen(database), name="changes")]
            if own.announce:
                background.append(tasks.create_task(_announce(plant, settings, database, metrics), name="announcer"))
            ready.set()
            await stop.wait()
            for task in background:
                task.cancel()


async def _announce(plant: Plant, settings: ServiceSettings, database: Database, metrics: Metrics) -> None:
    @contextlib.asynccontextmanager
    async def open_publisher() -> AsyncIterator[Publisher]:
        await ensure_topics(settings.kafka, plant)
        async with publishing(settings.kafka, topic_name(plant, Stage.MODEL)) as publisher:
            yield publisher

    await announce(database, open_publisher, metrics)


if __name__ == "__main__":
    run_service("registry", ServiceSettings, run)
