"""Two sites with all that they need, in processes of their own, and everything that can be done to them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.topics import ensure_topics
from sandbox.broker import EmbeddedBroker, free_port
from sandbox.chain import sources_file
from sandbox.cut import Line, line_to
from sandbox.mosquitto import Mosquitto, mosquitto, program
from tests.chaos.clocks import SteppingClock, library
from tests.chaos.disk import small_disk
from tests.chaos.expected import ALERTS
from tests.chaos.kept import Kept
from tests.chaos.load import chaos_plant, edge_plant, edge_source
from tests.chaos.server import Database, database
from tests.chaos.timeline import Timeline
from tests.faults.processes import Site, ending
from tests.named_broker import named_broker

#: Fewer fetches leave the processors to the faults; a short session makes the embedded broker's joins short.
_GROUP = {"partitions": 4, "session_timeout": "6s", "rebalance_timeout": "4s", "fetch_max_wait": "200ms"}
STAGES = ("context", "feature", "inference", "alert")
#: A service whose clock is an hour late takes its machines for an hour early.
_TOLERANT = ("ANDON_CONTEXT__FUTURE_TOLERANCE", "ANDON_HISTORIAN__FUTURE_TOLERANCE", "ANDON_INGEST__FUTURE_TOLERANCE")


@dataclass
class Arena:
    """What faults are done to.

    Attributes:
        timeline: what was done.
        chain: the site whose frames go all the way; its services are context to alert and the historian.
        edge: the site whose machines speak MQTT; its service is ingest.
        kept: the services.
        broker: Kafka; None when it is not ours to pause.
        broker_line: goes to it; None likewise.
        database: PostgreSQL; None when it is not ours to pause.
        database_line: goes to it; None likewise.
        mqtt: the machines' broker; None when Mosquitto is not installed, and there is no edge then.
        mqtt_line: goes from ingest to it.
        disk: where spool and lake are.
        small: whether it is small enough to be filled.
        clocks: service to its clock, where clocks can step.
    """

    timeline: Timeline
    chain: Site
    edge: Site
    dsn: str
    disk: Path
    small: bool
    broker: EmbeddedBroker | None = None
    broker_line: Line | None = None
    database: Database | None = None
    database_line: Line | None = None
    mqtt: Mosquitto | None = None
    mqtt_line: Line | None = None
    kept: dict[str, Kept] = field(default_factory=dict)
    clocks: dict[str, SteppingClock] = field(default_factory=dict)

    @property
    def stages(self) -> list[Kept]:
        return [self.kept[name] for name in STAGES]

    def extra(self, service: str) -> dict[str, str]:
        """Return the variables of one service."""
        clock = self.clocks.get(service)
        return clock.environment() if clock else {}

    @contextlib.asynccontextmanager
    async def services(self) -> AsyncIterator[None]:
        """Run all services, each looked after, for the length of a block."""
        own = {
            "alert": {"ANDON_ALERT__BLIND_AFTER": f"{ALERTS.alert.blind_after}us"},
            "historian": {"ANDON_DATABASE__DSN": self.dsn, "ANDON_HISTORIAN__LAKE__DIRECTORY": str(self.disk / "lake")},
        }
        for name in (*STAGES, "historian"):
            self.kept[name] = Kept(self.chain, name, self.timeline, self.extra(name) | own.get(name, {}))
        if self.mqtt:
            self.kept["ingest"] = Kept(self.edge, "ingest", self.timeline, self.extra("ingest"))
        tasks = [asyncio.create_task(each.run()) for each in self.kept.values()]
        try:
            await asyncio.gather(*(each.ready() for each in self.kept.values()))
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@contextlib.asynccontextmanager
async def arena(folder: Path, timeline: Timeline, *, clocks: bool) -> AsyncIterator[Arena]:
    """Set up two sites below *folder*; nothing of them is left at the end of the block but their logs.

    Args:
        folder: for logs and all else; it must be there.
        timeline: told of what happens.
        clocks: whether clocks are to step, for which services are loaded with libfaketime.
    """
    async with contextlib.AsyncExitStack() as stack:
        kafka, broker, broker_line = await _broker(stack, folder)
        server, database_line, dsn = await _database(stack, folder)
        small = stack.enter_context(small_disk(folder / "disk"))
        suffix = os.urandom(4).hex()
        chain, edge = _site(folder, f"chaos-{suffix}", kafka), _site(folder, f"edge-{suffix}", kafka)
        for site in (chain, edge):
            await ensure_topics(kafka, site.plant)
            await stack.enter_async_context(ending(site))
        made = Arena(timeline, chain, edge, dsn, folder / "disk", small, broker, broker_line, server, database_line)
        if program():
            await _machines(stack, made, folder)
        if clocks and library():
            made.clocks = {name: SteppingClock(folder / f"clock-{name}") for name in (*STAGES, "historian", "ingest")}
            chain.extra = edge.extra | dict.fromkeys(_TOLERANT, "2h")
            edge.extra |= dict.fromkeys(_TOLERANT, "2h")
        yield made


async def _broker(
    stack: contextlib.AsyncExitStack, folder: Path
) -> tuple[KafkaSettings, EmbeddedBroker | None, Line | None]:
    named = named_broker(_GROUP)
    if named:
        return named, None, None
    port, broker = free_port(), None
    broker = EmbeddedBroker(folder / "broker.log", advertised_port=port)
    broker.start()
    stack.callback(broker.stop)
    _, line = await stack.enter_async_context(line_to(broker.port, port))
    servers = {"bootstrap_servers": broker.bootstrap_servers, "idempotent": False}
    return KafkaSettings.model_validate({**servers, **_GROUP}), broker, line


async def _database(stack: contextlib.AsyncExitStack, folder: Path) -> tuple[Database | None, Line | None, str]:
    given = os.environ.get("ANDON_DATABASE__DSN")
    if given:
        return None, None, given
    server = stack.enter_context(database(folder / "postgres"))
    port, line = await stack.enter_async_context(line_to(server.socket))
    return server, line, f"postgresql://postgres@127.0.0.1:{port}/postgres"


async def _machines(stack: contextlib.AsyncExitStack, made: Arena, folder: Path) -> None:
    made.mqtt = stack.enter_context(mosquitto(folder))
    port, made.mqtt_line = await stack.enter_async_context(line_to(made.mqtt.port))
    sources = sources_file(folder / "edge", edge_source(port))
    made.edge.extra = {**sources, "ANDON_INGEST__SPOOL__DIRECTORY": str(made.disk / "spool")}


def _site(folder: Path, name: str, kafka: KafkaSettings) -> Site:
    place = folder / name.split("-")[0]
    (place / "bundles").mkdir(parents=True, exist_ok=True)
    model: dict[str, Any] = edge_plant(name) if name.startswith("edge") else chaos_plant(name)
    (place / "plant.yaml").write_text(yaml.safe_dump(model))
    return Site(Plant.model_validate(model), place / "plant.yaml", kafka, place / "bundles")


def services_of(made: Arena, names: Collection[str]) -> Iterator[Kept]:
    """Yield the services of these names that there are."""
    return (made.kept[name] for name in names if name in made.kept)
