"""Tells the `model` topic what this worker loads, refuses and retires; the data never waits for it."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError

from andon.clock import Clock, wall_clock
from andon.contracts import ModelEvent
from andon.errors import DeliveryError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.model_events import model_lines
from andon.stream.publish import publishing
from andon.stream.topics import topic_name
from andon.telemetry import get_logger
from andon.uns import Stage

_log = get_logger(__name__)
_RETRY_S = 1.0
#: More than this waits only while the broker is away for very long; the oldest are given up then, and the log says so.
_MOST = 10_000


class ModelNews:
    """A queue of events that a task of its own puts on the bus.

    Args:
        plant: names the topic.
        kafka: how to reach the broker.
        actor: the service that tells.
        clock: microseconds UTC.
    """

    def __init__(self, plant: Plant, kafka: KafkaSettings, actor: str, clock: Clock = wall_clock) -> None:
        self._actor = actor
        self._kafka, self._topic, self._clock = kafka, topic_name(plant, Stage.MODEL), clock
        self._waiting: asyncio.Queue[ModelEvent] = asyncio.Queue()

    def tell(self, action: str, *, name: str, version: str, digest: str, alias: str, reason: str = "") -> None:
        """Tell one event."""
        now = self._clock()
        event = ModelEvent.model_validate(
            {
                "id": f"{name}@{now}:{action}:{version}",
                "time": now,
                "name": name,
                "version": version,
                "digest": digest,
                "action": action,
                "alias": alias,
                "actor": self._actor,
                "reason": reason,
            }
        )
        if self._waiting.qsize() >= _MOST:
            _log.error("an event about a model was given up", id=self._waiting.get_nowait().id)
        self._waiting.put_nowait(event)

    async def publish(self) -> None:
        """Put events on the bus until cancelled; one that was not taken is sent again."""
        event: ModelEvent | None = None
        while True:
            try:
                async with publishing(self._kafka, self._topic) as publisher:
                    while True:
                        event = event or await self._waiting.get()
                        await publisher.deliver(model_lines([event]))
                        event = None
            except (KafkaError, DeliveryError) as error:
                _log.warning("events about models wait for the broker", error=repr(error))
                await asyncio.sleep(_RETRY_S)
