"""A source behind an MQTT broker whose values are only counted: what it costs to take them off the wire."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from andon.contracts import PlantEvent
from andon.garbage import collected_by_the_clock
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.settings import Settings, read_settings
from andon.telemetry import Metrics
from andon.uns import Stage
from bench.common import BenchError
from services.ingest.mqtt.config import MqttConfig
from services.ingest.mqtt.source import MqttSource
from services.ingest.readings import Readings, Refusal, Signals
from services.ingest.source import Source
from services.ingest.sparkplug.config import SparkplugConfig
from services.ingest.sparkplug.source import SparkplugSource


class Counting:
    """An intake that counts values, from the moment when a tenth of them was there."""

    def __init__(self, expected: int) -> None:
        self.done = asyncio.Event()
        self._expected, self._count = expected, 0
        self._first, self._begun, self._cpu = 0, 0.0, 0.0

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        self._count += len(batch)
        if not self._first and self._count >= self._expected // 10:
            self._first, self._begun, self._cpu = self._count, time.monotonic(), time.process_time()
        if self._count >= self._expected:
            self.done.set()

    async def refuse(self, refusal: Refusal) -> None:
        raise BenchError(f"{refusal.address}: {refusal.detail}")

    async def replay(self, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        raise BenchError("nothing is to be replayed")

    async def tell(self, event: PlantEvent) -> None:
        raise BenchError(f"nothing is to be told: {event.name}")

    def expect(self, signals: Iterable[int], now: int) -> None:
        """Pass over: nobody is watching."""

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        raise BenchError("nothing is to be confirmed")

    def report(self) -> None:
        """Print what was counted, in how many seconds, with how much processor time."""
        print(
            "measured",
            self._count - self._first,
            time.monotonic() - self._begun,
            time.process_time() - self._cpu,
            flush=True,
        )


def _source(kind: str, config: str, plant: Plant) -> Source:
    signals, metrics = Signals(plant), Metrics("bench")
    if kind == "mqtt":
        return MqttSource(MqttConfig.model_validate_json(config), signals, plant, metrics)
    return SparkplugSource(SparkplugConfig.model_validate_json(config), signals, plant, metrics)


async def _run(kind: str, config: str, expected: int) -> None:
    intake = Counting(expected)
    source = _source(kind, config, load_plant(read_settings(Settings).plant))
    reading = asyncio.create_task(source.run(intake))
    finished = asyncio.create_task(intake.done.wait())
    async with collected_by_the_clock():  # as every service
        await asyncio.wait((reading, finished), return_when=asyncio.FIRST_COMPLETED)
    if reading.done():
        reading.result()
    intake.report()
    await reading


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
