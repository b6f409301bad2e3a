"""Following a topic that everybody reads whole: from its beginning on, without a consumer group."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from pydantic import BaseModel, ValidationError

from andon.clock import MILLISECOND
from andon.contracts.base import faults
from andon.settings import KafkaSettings
from andon.stream.cancellation import answered
from andon.stream.reading import reader
from andon.stream.topics import count_partitions
from andon.telemetry import get_logger

_log = get_logger(__name__)
_POLL_MS = 500
_RETRY_S = 2.0
_Event = TypeVar("_Event", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Told(Generic[_Event]):
    """A record of the topic.

    Attributes:
        record: as it was read.
        event: what it says; None when it does not keep to its contract.
        fault: why it does not.
    """

    record: ConsumerRecord
    event: _Event | None
    fault: str = ""

    @property
    def at(self) -> int:
        """When it was told, microseconds UTC."""
        return int(self.record.timestamp) * MILLISECOND


def ignore(_: bool) -> None:
    """Take no interest in whether all has been read."""


async def follow(
    settings: KafkaSettings,
    topic: str,
    contract: type[_Event],
    take: Callable[[Told[_Event]], None],
    current: Callable[[bool], None] = ignore,
) -> None:
    """Hand every record of a topic to *take*, those that are there and those to come, until cancelled.

    A broker that is away is waited for; then everything is read again, which must do no harm.

    Args:
        settings: how to reach Kafka.
        topic: the topic.
        contract: of its values.
        take: takes one record, which it may have seen before.
        current: told True when everything there is has been taken, and False when the broker is away.
    """
    while True:
        try:
            await _follow(settings, topic, contract, take, current)
        except KafkaError as error:
            current(False)
            _log.warning("topic cannot be followed, trying again", topic=topic, error=repr(error))
        await asyncio.sleep(_RETRY_S)


@contextlib.asynccontextmanager
async def followed(
    settings: KafkaSettings,
    topic: str,
    contract: type[_Event],
    take: Callable[[Told[_Event]], None],
    stop: asyncio.Event,
    current: Callable[[bool], None] = ignore,
) -> AsyncIterator[None]:
    """Follow a topic for the length of an `async with` block; *stop* is set if following breaks. See `follow`."""
    following = asyncio.create_task(follow(settings, topic, contract, take, current))
    following.add_done_callback(lambda _: stop.set())  # it does not end by itself
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait((following,))
    if not following.cancelled():
        following.result()


async def _follow(
    settings: KafkaSettings,
    topic: str,
    contract: type[_Event],
    take: Callable[[Told[_Event]], None],
    current: Callable[[bool], None],
) -> None:
    partitions = (await count_partitions(settings)).get(topic, 0)
    if not partitions:
        return
    async with reader(settings, topic, range(partitions), max_wait=settings.fetch_max_wait) as consumer:
        while True:
            polled = await answered(consumer.getmany(timeout_ms=_POLL_MS))
            for records in polled.values():
                for record in records:
                    take(_told(record, contract))
            current(await _at_end(consumer))


async def _at_end(consumer: AIOKafkaConsumer) -> bool:
    for where in consumer.assignment():
        highwater = consumer.highwater(where)
        if highwater is None or await consumer.position(where) < highwater:
            return False
    return True


def _told(record: ConsumerRecord, contract: type[_Event]) -> Told[_Event]:
    try:
        return Told(record, contract.model_validate_json(record.value or b""))
    except ValidationError as error:
        return Told(record, None, faults(error))
