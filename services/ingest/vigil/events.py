"""Following the `event` topic: what the plant says of itself, from its beginning on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiokafka.errors import KafkaError
from pydantic import ValidationError

from andon.contracts import PlantEvent
from andon.settings import KafkaSettings
from andon.stream.cancellation import answered
from andon.stream.reading import reader
from andon.stream.topics import count_partitions
from andon.telemetry import get_logger

_log = get_logger(__name__)
_POLL_MS = 500
_RETRY_S = 2.0


async def follow_events(settings: KafkaSettings, topic: str, take: Callable[[PlantEvent], None]) -> None:
    """Hand every event of a topic to *take*, those that are there and those to come, until cancelled.

    A broker that is away is waited for; then everything is read again, which must do no harm.

    Args:
        settings: how to reach Kafka.
        topic: the topic.
        take: takes one event, which it may have seen before.
    """
    while True:
        try:
            await _follow(settings, topic, take)
        except KafkaError as error:
            _log.warning("plant events cannot be followed, trying again", topic=topic, error=repr(error))
        await asyncio.sleep(_RETRY_S)


async def _follow(settings: KafkaSettings, topic: str, take: Callable[[PlantEvent], None]) -> None:
    partitions = (await count_partitions(settings)).get(topic, 0)
    if not partitions:
        return
    async with reader(settings, topic, range(partitions)) as consumer:
        while True:
            polled = await answered(consumer.getmany(timeout_ms=_POLL_MS))
            for records in polled.values():
                for record in records:
                    try:
                        take(PlantEvent.model_validate_json(record.value or b""))
                    except ValidationError:
                        _log.warning("no plant event, skipped", topic=topic, offset=record.offset)
