"""The notify service on a real broker, in this process or in one of its own, with its sinks file and plant."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yaml

from andon.contracts import Alert, DeadLetter
from andon.plant import Plant
from andon.settings import KafkaSettings, TelemetrySettings, TracingSettings
from andon.stream.reading import read_to_end
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.broker import free_port
from services.notify.service import run
from services.notify.settings import NotifySettings, ServiceSettings
from tests.notify.alerts import content
from tests.stream.bus import at_work, line, send


@dataclass
class Rig:
    """A site, its files, and what the service says of itself."""

    kafka: KafkaSettings
    folder: Path
    plant: Plant
    metrics: Metrics = field(default_factory=lambda: Metrics("notify"))
    tracing: TracingSettings = field(default_factory=TracingSettings)

    def settings(self, *sinks: dict[str, Any], history: bool = False) -> ServiceSettings:
        """Write the sinks file; return settings that name it."""
        (self.folder / "sinks.yaml").write_text(yaml.safe_dump({"sinks": list(sinks)}))
        return ServiceSettings(
            plant=self.folder / "plant.yaml",
            kafka=self.kafka,
            telemetry=TelemetrySettings(host="127.0.0.1", port=free_port(), tracing=self.tracing),
            notify=NotifySettings(sinks=self.folder / "sinks.yaml", history=history),
        )

    @contextlib.asynccontextmanager
    async def serving(self, *sinks: dict[str, Any], history: bool = False) -> AsyncIterator[None]:
        """Run the service until the block ends; the block begins when it is ready."""
        self.metrics, settings = Metrics("notify"), self.settings(*sinks, history=history)
        async with at_work(lambda stop: run(self.plant, settings, self.metrics, stop)):
            await _ready(settings.telemetry.port)
            yield

    async def raise_alerts(self, *alerts: Alert | bytes) -> None:
        """Put alerts on their topic; bytes are put there under the first asset's key."""
        key = next(iter(self.plant.assets))
        events = [each if isinstance(each, bytes) else orjson.loads(each.model_dump_json()) for each in alerts]
        lines = [line(each, key) if isinstance(each, bytes) else line(each) for each in events]
        await send(self.kafka, topic_name(self.plant, Stage.ALERT), lines)

    async def letters(self, count: int) -> list[DeadLetter]:
        """Wait for so many dead letters."""
        topic, found = topic_name(self.plant, Stage.DEADLETTER), list[DeadLetter]()
        async with asyncio.timeout(30):
            while len(found) < count:
                records = [each async for each in read_to_end(self.kafka, topic, range(self.kafka.partitions))]
                found = [DeadLetter.model_validate_json(each.value) for each in records]
        return found

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, {"service": "notify", **labels}) or 0.0


async def made(kafka: KafkaSettings, site: str, folder: Path, *routes: dict[str, Any]) -> Rig:
    """Return a rig whose topics are there."""
    text = content(site, *routes)
    (folder / "plant.yaml").write_text(yaml.safe_dump(text))
    rig = Rig(kafka, folder, Plant.model_validate(text))
    await ensure_topics(kafka, rig.plant)
    return rig


async def until(holds: Callable[[], bool], timeout: float = 30) -> None:  # noqa: ASYNC109
    """Wait for what is only seen by looking, such as a metric."""
    async with asyncio.timeout(timeout):
        while not holds():
            await asyncio.sleep(0.02)


async def _ready(port: int) -> None:
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)
