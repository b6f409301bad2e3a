"""What the tests of the runtime share: a small plant, frames as JSON, sending and reading whole topics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.plant import Plant
from andon.settings import KafkaSettings, RuntimeSettings, Settings, TelemetrySettings
from andon.stream import Emit, Result, StageSpec
from andon.stream.codec import Line
from andon.stream.producer import BatchProducer
from andon.stream.publish import partition_of
from andon.stream.topics import ensure_topics, topic_name
from andon.stream.worker import Worker
from andon.uns import Stage

T0 = 1_700_000_000_000_000
SECOND = 1_000_000


def plant(site: str, assets: int = 8) -> Plant:
    tags = {"flow": {"unit": "m**3/h"}, "running": {"kind": "boolean"}}
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": site,
            "classes": {"pump": {"tags": tags}},
            "assets": {f"line/pump-{i}": {"class": "pump"} for i in range(assets)},
        }
    )


def frame(asset: str, index: int, **changes: Any) -> dict[str, Any]:
    time = T0 + index * SECOND
    return {
        "id": f"{asset}@{time}:raw:1",
        "asset": asset,
        "time": time,
        "ingest_time": time,
        "session": "s",
        "sequence": index,
        "values": {"flow": float(index), "running": True},
        **changes,
    }


def line(event: dict[str, Any] | bytes, key: str | None = None) -> Line:
    value = event if isinstance(event, bytes) else orjson.dumps(event)
    name = key if key is not None else str(orjson.loads(value)["asset"])
    return Line(
        name.encode(),
        value,
        [("andon-contract", b"1"), ("traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")],
    )


async def send(kafka: KafkaSettings, topic: str, lines: Iterable[Line]) -> None:
    by_partition: dict[int, list[Line]] = {}
    for each in lines:
        by_partition.setdefault(partition_of(each.key, kafka.partitions), []).append(each)
    producer = BatchProducer(kafka)
    await producer.start()
    try:
        for number, group in by_partition.items():
            await producer.deliver(topic, number, group)
    finally:
        await producer.stop()


@dataclass
class TopicReader:
    """Reads a topic from its beginning and remembers everything."""

    consumer: AIOKafkaConsumer
    records: list[Any]

    async def until(self, enough: Callable[[list[Any]], bool], timeout: float = 60) -> list[Any]:  # noqa: ASYNC109
        async with asyncio.timeout(timeout):
            while not enough(self.records):
                for batch in (await self.consumer.getmany(timeout_ms=200)).values():
                    self.records.extend(batch)
        return self.records

    async def events(self, count: int, timeout: float = 60) -> list[dict[str, Any]]:  # noqa: ASYNC109
        """Wait for *count* distinct ids and return all events read so far, repeated ones too."""
        await self.until(lambda records: len({orjson.loads(r.value)["id"] for r in records}) >= count, timeout)
        return [orjson.loads(r.value) for r in self.records]


@contextlib.asynccontextmanager
async def reading(kafka: KafkaSettings, topic: str) -> AsyncIterator[TopicReader]:
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), fetch_max_wait_ms=50)
    await consumer.start()
    try:
        where = [TopicPartition(topic, number) for number in range(kafka.partitions)]
        consumer.assign(where)
        await consumer.seek_to_beginning(*where)
        yield TopicReader(consumer, [])
    finally:
        await consumer.stop()


def settings(kafka: KafkaSettings, **runtime: Any) -> Settings:
    return Settings(kafka=kafka, telemetry=TelemetrySettings(port=0), runtime=RuntimeSettings(**runtime))


@contextlib.asynccontextmanager
async def at_work(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run a service, which is told by an event to stop, until the block ends; its failure fails the test."""
    stop = asyncio.Event()
    task = asyncio.create_task(run(stop))
    try:
        yield
        stop.set()
        await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def working(spec: StageSpec, model: Plant, chosen: Settings) -> AsyncIterator[Worker]:
    """Run a worker in this process until the block ends; its failure fails the test."""
    worker = Worker(spec, model, chosen)
    async with at_work(worker.run):
        yield worker


async def site_ready(kafka: KafkaSettings, model: Plant, changelogs: Sequence[str] = ()) -> None:
    await ensure_topics(kafka, model, changelogs=changelogs)


def stage_topic(model: Plant, stage: Stage) -> str:
    return topic_name(model, stage)


class PassThrough:
    """Sends every frame on as it came."""

    def process(self, _: str, rows: pl.DataFrame, __: int) -> Result:
        return Result(emits=(Emit(Stage.CONTEXT, one_to_one(rows)),))

    def tick(self, _: int, __: int) -> Result:
        return Result()

    def needed_from(self) -> int | None:
        return None


def one_to_one(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.rename({"offset": "first_offset"}).with_columns(last_offset=pl.col("first_offset"))


def pass_through() -> StageSpec:
    return StageSpec("pass", Stage.RAW, (Stage.CONTEXT,), lambda _, __: PassThrough())
