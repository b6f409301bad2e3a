"""Store and forward: an outage of Kafka under live load, and what the drain behind it costs the live frames."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.stream.reading import reader
from andon.stream.topics import topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from bench.common import BenchError, Bus, bus, is_quick, result, table
from bench.frames import frames, plant_document
from services.ingest.outlet.outlet import Outlet
from services.ingest.outlet.settings import SpoolSettings

_RATE = 2_000
_TICK_S = 0.02
_CALM_S = 8.0
_SAMPLE_S = 0.05
#: A drain that takes this many times as long as it should has failed.
_PATIENCE = 5.0


@dataclass
class _Feed:
    """A source that never waits: every tick brings its frames, whatever became of those before."""

    on: Bus
    outlet: Outlet
    count: int = 0
    #: When each batch was due, and how long after that the outlet had it.
    due: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            self._open.add(task := asyncio.create_task(self._put(due)))
            task.add_done_callback(self._open.discard)
            due += _TICK_S
            await asyncio.sleep(max(due - time.monotonic(), 0))

    async def settle(self) -> None:
        await asyncio.gather(*self._open)

    def p99_ms(self, begin: float, end: float) -> float:
        within = [lasted for due, lasted in zip(self.due, self.seconds, strict=True) if begin <= due < end]
        if not within:
            raise BenchError("no live frame was delivered meanwhile")
        return float(np.percentile(within, 99)) * 1_000

    async def _put(self, due: float) -> None:
        number = round(_RATE * _TICK_S)
        first, self.count = self.count, self.count + number
        await self.outlet.put(Stage.RAW, frames(self.on.plant, first, number))
        self.due.append(due)
        self.seconds.append(time.monotonic() - due)


@dataclass(frozen=True, slots=True)
class _Measured:
    put: int
    raw: int
    backfill: int
    lost: int
    drain_rate: float
    calm_ms: float
    drain_ms: float


async def _measure(on: Bus, outage_s: float) -> _Measured:
    metrics = Metrics("bench")
    settings = SpoolSettings.model_validate({"directory": on.directory / "spool", "fsync_interval": "500ms"})
    kafka = on.kafka.model_copy(update={"request_timeout": 5_000_000})
    async with Outlet(kafka, settings, on.plant, metrics) as outlet:
        feed = _Feed(on, outlet)
        feeding = asyncio.create_task(feed.run())
        await asyncio.sleep(2)  # warm
        calm = time.monotonic()
        await asyncio.sleep(_CALM_S)
        paused = time.monotonic()
        os.kill(on.broker.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(outage_s)
        finally:
            os.kill(on.broker.pid, signal.SIGCONT)
        begin, end, drained = await _drain(metrics, outage_s)
        feeding.cancel()
        await feed.settle()
    ids = {stage: await _ids(on, stage) for stage in (Stage.RAW, Stage.BACKFILL)}
    put = set(frames(on.plant, 0, feed.count)["id"])
    return _Measured(
        put=feed.count,
        raw=len(ids[Stage.RAW]),
        backfill=len(ids[Stage.BACKFILL]),
        lost=len(put - set(ids[Stage.RAW]) - set(ids[Stage.BACKFILL])),
        drain_rate=drained / (end - begin),
        calm_ms=feed.p99_ms(calm, paused - 0.1),
        drain_ms=feed.p99_ms(begin, end),
    )


async def _drain(metrics: Metrics, outage_s: float) -> tuple[float, float, int]:
    """Wait until the spool is empty; return when it began and ended, and how many frames it was."""
    deadline = time.monotonic() + _PATIENCE * max(outage_s, 10)
    await _until(lambda: not _value(metrics, "andon_kafka_away"), deadline)
    begin, before = time.monotonic(), _drained(metrics)
    await _until(lambda: _drained(metrics) >= _value(metrics, "andon_spool_written_total", stage=Stage.RAW), deadline)
    return begin, time.monotonic(), round(_drained(metrics) - before)


def _drained(metrics: Metrics) -> float:
    return _value(metrics, "andon_spool_drained_total", stage=Stage.BACKFILL)


async def _until(so: Callable[[], bool], deadline: float) -> None:
    while not so():
        if time.monotonic() > deadline:
            raise BenchError("the spool is not drained in time")
        await asyncio.sleep(_SAMPLE_S)


def _value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, {"service": metrics.service, **labels}) or 0.0


async def _ids(on: Bus, stage: Stage) -> list[str]:
    """Return the ids of all frames in a topic, repeated ones too."""
    kafka = on.kafka
    ids: list[str] = []
    async with reader(kafka, topic_name(on.plant, stage), range(kafka.partitions)) as consumer:
        while not all([await _at_end(consumer, each) for each in consumer.assignment()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                ids += [orjson.loads(record.value)["id"] for record in records]
    return ids


async def _at_end(consumer: AIOKafkaConsumer, where: TopicPartition) -> bool:
    """Ask the fetches: the embedded broker's own answer names the first record of the last batch."""
    end: int | None = consumer.highwater(where)
    position: int = await consumer.position(where)
    return end is not None and position >= end


def _show(measured: _Measured, outage_s: float) -> None:
    table(
        f"{outage_s:.0f} s without Kafka at {_RATE:,} frames/s",
        ("", "result"),
        [
            ("frames put", f"{measured.put:,}"),
            ("in raw", f"{measured.raw:,}"),
            ("in backfill", f"{measured.backfill:,}"),
            ("lost", f"{measured.lost:,}"),
            ("drained, frames/s", f"{measured.drain_rate:,.0f}"),
            ("live p99 before the outage, ms", f"{measured.calm_ms:.1f}"),
            ("live p99 during the drain, ms", f"{measured.drain_ms:.1f}"),
        ],
    )


def main() -> None:
    outage_s = 20.0 if is_quick(__doc__ or "") else 300.0
    with bus(plant_document()) as on:
        measured = asyncio.run(_measure(on, outage_s))
    _show(measured, outage_s)
    result(
        "spool",
        lost=measured.lost,
        drain_ratio=measured.drain_rate / _RATE,
        live_delay_ms=measured.drain_ms - measured.calm_ms,
    )


if __name__ == "__main__":
    main()
