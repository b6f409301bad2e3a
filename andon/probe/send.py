"""Sending a frame through a running site, and watching it pass."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.clock import SECOND, wall_clock
from andon.contracts import Frame
from andon.errors import ConfigError, DeliveryError
from andon.plant import Plant
from andon.probe.passage import WATCHED, Passage
from andon.settings import KafkaSettings
from andon.stream.publish import new_lines, partition_of, publishing
from andon.stream.topics import count_partitions, topic_name
from andon.uns import Stage

_POLL_MS = 200


async def send_through(kafka: KafkaSettings, plant: Plant, frame: Frame, patience: int) -> Passage:
    """Send *frame* as a source does; return how far it has come when it has been judged, or after *patience*.

    Args:
        kafka: how to reach the broker.
        plant: the plant model.
        frame: an event of the `raw` topic.
        patience: microseconds.

    Raises:
        ConfigError: the site has no topics.
        DeliveryError: the broker does not take the frame.
        KafkaError: the broker does not answer.
    """
    passage = Passage(frame)
    stages = await _watched(kafka, plant, frame)
    async with _at_the_end(kafka, stages) as consumer:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience / SECOND):
                await _send(kafka, plant, frame)
                while not passage.over:
                    await _watch(consumer, stages, passage)
    return passage


async def _watched(kafka: KafkaSettings, plant: Plant, frame: Frame) -> dict[TopicPartition, Stage]:
    counts = await count_partitions(kafka)
    raw = topic_name(plant, Stage.RAW)
    if raw not in counts:
        raise ConfigError(f"there is no topic {raw} at {kafka.bootstrap_servers}: no service of this site ran there")
    number = partition_of(frame.asset.encode(), counts[raw])  # which the frame keeps all the way
    return {TopicPartition(topic_name(plant, stage), number): stage for stage in WATCHED}


@contextlib.asynccontextmanager
async def _at_the_end(kafka: KafkaSettings, stages: dict[TopicPartition, Stage]) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), enable_auto_commit=False, fetch_max_wait_ms=_POLL_MS)
    try:
        await consumer.start()
        consumer.assign(list(stages))
        await consumer.seek_to_end(*stages)
        for where in stages:  # found out now, before the frame is sent
            await consumer.position(where)
        yield consumer
    finally:
        await consumer.stop()


async def _send(kafka: KafkaSettings, plant: Plant, frame: Frame) -> None:
    async with publishing(kafka, topic_name(plant, Stage.RAW)) as publisher:
        pair = frame.asset.encode(), frame.model_dump_json(exclude_none=True).encode()
        if await publisher.deliver(new_lines([pair])):
            raise DeliveryError("the frame is larger than the broker takes")


async def _watch(consumer: AIOKafkaConsumer, stages: dict[TopicPartition, Stage], passage: Passage) -> None:
    for where, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
        for record in records:
            passage.take(stages[where], record.key, record.value, wall_clock())
