"""The whole chain as processes on this machine: broker, database and services, wired by environment variables."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from andon.errors import AndonError
from andon.settings import KafkaSettings, Settings, read_settings
from sandbox.broker import EmbeddedBroker, embedded_broker, free_port
from sandbox.database import embedded_database
from sandbox.registry import RegistrySite
from sandbox.supervisor import OnFailure, Supervisor, python_service

#: Stages in the order of the data's way.
STAGES = ("context", "feature", "inference", "alert")
#: The context service once more, for history: it has a stage of its own, so that it never delays live data.
HISTORY = "context-backfill"
#: Folder of the embedded database.
DATABASE = "postgres"
_READY_TIMEOUT_S = 90.0
_DSN = "ANDON_DATABASE__DSN"


class NotReadyError(AndonError):
    """A service did not become ready in time."""


@dataclass
class Chain:
    """A running chain.

    Attributes:
        supervisor: watches the processes.
        environment: what every service is given.
        kafka: how to reach the broker.
        ports: where each service shows its metrics.
        following: tells inference where its models come from.
        watching: the same for the drift service, which keeps those that it fetches in a folder of its own.
        broker: the embedded broker; None when the services use one of their own.
    """

    supervisor: Supervisor
    environment: dict[str, str]
    kafka: KafkaSettings
    broker: EmbeddedBroker | None
    ports: dict[str, int] = field(default_factory=dict)
    following: dict[str, str] = field(default_factory=dict)
    watching: dict[str, str] = field(default_factory=dict)

    @property
    def dsn(self) -> str:
        """How to reach the database."""
        return self.environment.get(_DSN) or os.environ[_DSN]

    async def start(
        self, name: str, extra: Mapping[str, str] | None = None, *, module: str | None = None, finishes: bool = False
    ) -> None:
        """Start one service, of the module of its name unless given, with a metrics port of its own."""
        self.ports[name] = free_port()
        models = self.following if name == "inference" else self.watching if name == "drift" else {}
        environment = {**self.environment, "ANDON_TELEMETRY__PORT": str(self.ports[name]), **models, **(extra or {})}
        await self.supervisor.start(python_service(name, environment, module=module, finishes=finishes))

    async def start_registry(self, site: RegistrySite) -> None:
        """Start the model registry of *site*, and return when it answers; services started later follow it."""
        await self.start("registry", site.server_environment())
        await self.ready("registry")
        self.following = site.client_environment("inference")
        self.watching = site.client_environment("drift", cache=site.folder / "cache-drift")

    async def start_history(self) -> None:
        """Start what history takes its way through, beside the stages."""
        await self.start(HISTORY, {"ANDON_CONTEXT__INPUT": "backfill"}, module="context")

    async def ready(self, *names: str) -> None:
        """Return when these services may be given work.

        Raises:
            NotReadyError: one is not ready in time.
        """
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            waiting = set(names)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_READY_TIMEOUT_S):
                    while waiting:
                        waiting -= {name for name in waiting if await self._is_ready(session, name)}
                        await asyncio.sleep(0.1)  # readiness is only told when asked for
        if waiting:
            raise NotReadyError(f"not ready after {_READY_TIMEOUT_S:g} s: {', '.join(sorted(waiting))}; see the logs")

    async def _is_ready(self, session: aiohttp.ClientSession, name: str) -> bool:
        process = self.supervisor.services[name].process
        if process is not None and process.returncode is not None:
            raise NotReadyError(f"service {name} ended with exit code {process.returncode}; its log says why")
        try:
            async with session.get(f"http://127.0.0.1:{self.ports[name]}/readyz") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


@contextlib.asynccontextmanager
async def running_chain(
    plant: Path,
    directory: Path,
    say: Callable[[str, str], None],
    *,
    on_failure: OnFailure = OnFailure.RESTART,
    database: bool = True,
) -> AsyncIterator[Chain]:
    """Run broker and database, embedded unless the environment names real ones; services are the caller's to start.

    Args:
        plant: the plant model.
        directory: for logs and the database's files.
        say: takes the services' log lines (service name, line).
        on_failure: what to do when a service ends by itself.
        database: whether a database is wanted at all.
    """
    environment = _environment(plant, directory)
    with contextlib.ExitStack() as stack:
        broker, kafka = None, read_settings(Settings).kafka
        if "ANDON_KAFKA__BOOTSTRAP_SERVERS" not in os.environ:
            broker = stack.enter_context(embedded_broker(directory / "broker.log"))
            environment |= broker.environment()
            kafka = broker.settings()
        if database and _DSN not in os.environ:
            environment[_DSN] = stack.enter_context(embedded_database(directory / DATABASE))
        supervisor = Supervisor(say, on_failure)
        try:
            yield Chain(supervisor, environment, kafka, broker)
        finally:
            await supervisor.stop()


def _environment(plant: Path, directory: Path) -> dict[str, str]:
    directory.mkdir(parents=True, exist_ok=True)
    return {"ANDON_PLANT": str(plant.resolve())}


def sources_file(directory: Path, *sources: Mapping[str, Any]) -> dict[str, str]:
    """Write a sources file into *directory*; return the environment of an ingest that reads it and spools there."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "sources.yaml"
    path.write_text(yaml.safe_dump({"sources": [dict(each) for each in sources]}, sort_keys=False), encoding="utf-8")
    spool = path.with_name("spool")
    return {"ANDON_INGEST__SOURCES": str(path.resolve()), "ANDON_INGEST__SPOOL__DIRECTORY": str(spool.resolve())}
