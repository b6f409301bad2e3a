"""What the tests of the outlet share: a broker behind a cable, and reading all that arrived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.reading import reader
from andon.stream.topics import topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.broker import EmbeddedBroker
from services.ingest.outlet.outlet import Outlet
from services.ingest.outlet.settings import SpoolSettings
from tests.outlet.cable import Cable
from tests.outlet.plant import Frames

#: Fast enough to be drained before a test gets bored.
AT_ONCE = 1_000_000


@dataclass
class Rig:
    """One test's plant, frames and folder, on a broker that tests share."""

    broker: EmbeddedBroker
    cable: Cable
    plant: Plant
    frames: Frames
    folder: Path
    metrics: Metrics = field(default_factory=lambda: Metrics("ingest"))

    def outlet(self, *, kafka: dict[str, Any] | None = None, max_bytes: int | None = None, **spool: Any) -> Outlet:
        """Return an outlet that sends through the cable; `max_bytes` may be far below what users may choose."""
        chosen = {"directory": self.folder / "spool", "patience": "500ms", "drain_floor": AT_ONCE} | spool
        settings = SpoolSettings.model_validate({"fsync_interval": "50ms"} | chosen)
        if max_bytes is not None:
            settings = settings.model_copy(update={"max_bytes": max_bytes})
        through = self.broker.settings().model_copy(update={"request_timeout": 2_000_000} | (kafka or {}))
        return Outlet(through, settings, self.plant, self.metrics)

    def value(self, name: str, **labels: str) -> float:
        """Return a metric's value."""
        return self.metrics.registry.get_sample_value(name, {"service": "ingest", **labels}) or 0.0

    async def until(self, name: str, value: float, **labels: str) -> None:
        """Wait until a metric has a value."""
        async with asyncio.timeout(10):
            while self.value(name, **labels) != value:
                await asyncio.sleep(0.01)

    async def arrived(self, stage: Stage) -> list[dict[str, Any]]:
        """Return all that a topic holds, each partition in order."""
        return await _read_all(self.broker.settings(), topic_name(self.plant, stage))


async def _read_all(kafka: KafkaSettings, topic: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(10), reader(kafka, topic, range(kafka.partitions)) as consumer:
        while not all([await _at_end(consumer, where) for where in consumer.assignment()]):
            for records in (await consumer.getmany(timeout_ms=50)).values():
                events += [orjson.loads(record.value) for record in records]
    return events


async def _at_end(consumer: AIOKafkaConsumer, where: TopicPartition) -> bool:
    end: int | None = consumer.highwater(where)
    position: int = await consumer.position(where)
    return end is not None and position >= end
