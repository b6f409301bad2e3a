"""The `event` topic, what the plant says of itself: following it from its beginning on, and telling something there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from andon.clock import MILLISECOND
from andon.contracts import PlantEvent
from andon.contracts.base import faults
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.cancellation import answered
from andon.stream.codec import Line
from andon.stream.publish import new_lines
from andon.stream.reading import reader
from andon.stream.topics import count_partitions
from andon.telemetry import get_logger

_log = get_logger(__name__)
_POLL_MS = 500
_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """A record of the topic.

    Attributes:
        record: as it was read.
        event: what it says; None when it is no plant event.
        fault: why it is none.
    """

    record: ConsumerRecord
    event: PlantEvent | None
    fault: str = ""

    @property
    def at(self) -> int:
        """When it was told, microseconds UTC."""
        return int(self.record.timestamp) * MILLISECOND


def _nothing(_: bool) -> None:
    return


async def follow_events(
    settings: KafkaSettings, topic: str, take: Callable[[Told], None], current: Callable[[bool], None] = _nothing
) -> None:
    """Hand every record of a topic to *take*, those that are there and those to come, until cancelled.

    A broker that is away is waited for; then everything is read again, which must do no harm.

    Args:
        settings: how to reach Kafka.
        topic: the topic.
        take: takes one record, which it may have seen before.
        current: told True when everything there is has been taken, and False when the broker is away.
    """
    while True:
        try:
            await _follow(settings, topic, take, current)
        except KafkaError as error:
            current(False)
            _log.warning("plant events cannot be followed, trying again", topic=topic, error=repr(error))
        await asyncio.sleep(_RETRY_S)


async def _follow(
    settings: KafkaSettings, topic: str, take: Callable[[Told], None], current: Callable[[bool], None]
) -> None:
    partitions = (await count_partitions(settings)).get(topic, 0)
    if not partitions:
        return
    async with reader(settings, topic, range(partitions)) as consumer:
        while True:
            polled = await answered(consumer.getmany(timeout_ms=_POLL_MS))
            for records in polled.values():
                for record in records:
                    take(_told(record))
            current(await _at_end(consumer))


async def _at_end(consumer: AIOKafkaConsumer) -> bool:
    for where in consumer.assignment():
        highwater = consumer.highwater(where)
        if highwater is None or await consumer.position(where) < highwater:
            return False
    return True


def _told(record: ConsumerRecord) -> Told:
    try:
        return Told(record, PlantEvent.model_validate_json(record.value or b""))
    except ValidationError as error:
        return Told(record, None, faults(error))


def event_lines(plant: Plant, events: Iterable[PlantEvent]) -> list[Line]:
    """Return plant events as records: under their asset, or the level above, or the site's name."""
    return new_lines([((event.asset or plant.site).encode(), event.model_dump_json().encode()) for event in events])
