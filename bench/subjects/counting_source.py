"""A Sparkplug source whose values are only counted: what it costs to take them off the wire and understand them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable

import polars as pl

from andon.contracts import PlantEvent
from andon.plant.load import load_plant
from andon.settings import Settings, read_settings
from andon.telemetry import Metrics
from andon.uns import Stage
from bench.common import BenchError
from services.ingest.readings import Readings, Refusal, Signals
from services.ingest.sparkplug.config import SparkplugConfig
from services.ingest.sparkplug.source import SparkplugSource


class Counting:
    """An intake that counts values, from the moment when a tenth of them was there."""

    def __init__(self, expected: int) -> None:
        self.done = asyncio.Event()
        self._expected, self._count = expected, 0
        self._first, self._begun, self._cpu = 0, 0.0, 0.0

    async def read(self, batch: Readings) -> None:
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

    def confirm(self, signals: Iterable[int], now: int) -> None:
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


async def _run(config: SparkplugConfig, expected: int) -> None:
    plant = load_plant(read_settings(Settings).plant)
    intake = Counting(expected)
    reading = asyncio.create_task(SparkplugSource(config, Signals(plant), plant, Metrics("bench")).run(intake))
    finished = asyncio.create_task(intake.done.wait())
    await asyncio.wait((reading, finished), return_when=asyncio.FIRST_COMPLETED)
    if reading.done():
        reading.result()
    intake.report()
    await reading


if __name__ == "__main__":
    asyncio.run(_run(SparkplugConfig.model_validate_json(sys.argv[1]), int(sys.argv[2])))
