"""An MES that is a database of its own, and the service that reads it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import yaml
from aiokafka import ConsumerRecord

from andon.contracts import DeadLetter
from andon.plant import Plant
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from services.mes.service import run
from services.mes.settings import MesSettings, ServiceSettings
from tests.mes.plant import LINE, PUMP

ORDERS = """
CREATE TABLE production_orders (
    order_no text PRIMARY KEY, work_centre text, material_no text, qty numeric,
    started_at timestamptz, finished_at timestamptz, plant integer NOT NULL DEFAULT 1000,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp())
"""


def orders(**changes: Any) -> dict[str, Any]:
    """The mapping of ORDERS."""
    return {
        "kind": "order",
        "from": "public.production_orders",
        "watermark": "changed_at",
        "key": "order_no",
        "name": "order_no",
        "place": {"column": "work_centre", "map": {"WC10": PUMP, "WC20": LINE, "ALL": ""}},
        "start": "started_at",
        "end": "finished_at",
        "attributes": {"product": "material_no", "quantity": "qty"},
    } | changes


@dataclass
class Mes:
    """A database that plays the MES."""

    server: str
    name: str

    @property
    def dsn(self) -> str:
        return urlsplit(self.server)._replace(path=f"/{self.name}").geturl()

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(self.dsn)
        try:
            yield connection
        finally:
            await connection.close()

    async def do(self, sql: str, *arguments: Any) -> None:
        async with self.connected() as connection:
            await connection.execute(sql, *arguments)

    async def order(self, number: str, centre: str | None = "WC10", changed: str | None = None) -> None:
        """Insert an order that has begun, or change it."""
        await self.do(
            "INSERT INTO production_orders (order_no, work_centre, material_no, started_at, changed_at) VALUES "
            "($1, $2, 'water', '2026-03-01 06:00+00', coalesce($3::text::timestamptz, clock_timestamp())) "
            "ON CONFLICT (order_no) DO UPDATE SET work_centre = excluded.work_centre, changed_at = excluded.changed_at",
            *(number, centre, changed),
        )

    async def go(self, *, away: bool) -> None:
        """Refuse all connections and end those that there are, or take them again."""
        server = await asyncpg.connect(self.server)
        try:
            await server.execute(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS {not away}")
            if away:
                await server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", self.name
                )
        finally:
            await server.close()


@contextlib.asynccontextmanager
async def mes_database(server: str) -> AsyncIterator[Mes]:
    """Give an MES with a table of orders."""
    mes = Mes(server, f"mes_{uuid.uuid4().hex[:12]}")
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {mes.name}")
    try:
        await mes.do(ORDERS)
        yield mes
    finally:
        await connection.execute(f"DROP DATABASE {mes.name} WITH (FORCE)")
        await connection.close()


@dataclass
class Rig:
    """One test's plant, MES, broker and folder."""

    kafka: KafkaSettings
    database: DatabaseSettings
    plant: Plant
    mes: Mes
    folder: Path
    metrics: Metrics = field(default_factory=lambda: Metrics("mes"))

    def system(self, *tables: dict[str, Any], name: str = "sap", **changes: Any) -> dict[str, Any]:
        """A system of a mapping file, with its secret beside it."""
        (self.folder / f"{name}.dsn").write_text(self.mes.dsn)
        return {"name": name, "dsn": {"file": f"{name}.dsn"}, "every": "20ms", "tables": list(tables)} | changes

    def write(self, *systems: dict[str, Any]) -> Path:
        """Write the mapping file."""
        file = self.folder / "mes.yaml"
        file.write_text(yaml.safe_dump({"systems": list(systems)}))
        return file

    @contextlib.asynccontextmanager
    async def serving(self, *systems: dict[str, Any], batch: int = 500) -> AsyncIterator[None]:
        """Run the service in this process until the block ends; its failure fails the test."""
        settings = ServiceSettings(
            kafka=self.kafka,
            database=self.database,
            telemetry=TelemetrySettings(port=0),
            mes=MesSettings(file=self.write(*(systems or (self.system(orders()),))), batch=batch),
        )
        stop = asyncio.Event()
        task = asyncio.create_task(run(self.plant, settings, self.metrics, stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)

    async def records(self, stage: Stage = Stage.EVENT) -> list[ConsumerRecord]:
        """All records that a topic holds."""
        topic = topic_name(self.plant, stage)
        return [record async for record in read_to_end(self.kafka, topic, range(self.kafka.partitions))]

    async def told(self) -> list[dict[str, Any]]:
        """All events, in the order in which they were told."""
        records = sorted(await self.records(), key=lambda record: (record.timestamp, record.offset))
        return [orjson.loads(record.value) for record in records]

    async def names(self) -> list[str]:
        """The names of all events, sorted."""
        return sorted(event["name"] for event in await self.told())

    async def letters(self) -> list[DeadLetter]:
        """All dead letters."""
        return [DeadLetter.model_validate_json(record.value) for record in await self.records(Stage.DEADLETTER)]

    def value(self, name: str, **labels: str) -> float:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(name, {"service": "mes", **labels}) or 0.0

    async def polled(self, kind: str = "order", system: str = "sap") -> None:
        """Wait until a look at a table that begins now has ended: all that is there has been told."""
        begun = self.value("andon_mes_polls_total", system=system, kind=kind)
        # the one that is under way may have begun before
        await until(lambda: self.value("andon_mes_polls_total", system=system, kind=kind) >= begun + 2)


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait until a question has a true answer."""
    async with asyncio.timeout(seconds):
        while True:
            answer = holds()
            if answer is True or (isinstance(answer, Awaitable) and await answer):
                return
            await asyncio.sleep(0.02)
