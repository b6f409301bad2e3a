"""The shell around what people say: follows the `feedback` topic, and listens over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from andon.contracts import Feedback
from andon.plant import Plant
from andon.stream.follow import Told, followed
from andon.stream.topics import topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.alert.api import Api
from services.alert.desk import Desk
from services.alert.inbox import Inbox
from services.alert.precision import Precision
from services.alert.settings import AlertSettings

_log = get_logger(__name__)


class Voices:
    """Hears everything that people say, for one worker.

    Args:
        plant: the plant model.
        settings: how to reach Kafka, and where to listen.
        metrics: where to count.
        inbox: told of all commands.

    Attributes:
        api: the HTTP server.
    """

    def __init__(self, plant: Plant, settings: AlertSettings, metrics: Metrics, inbox: Inbox) -> None:
        self._plant, self._settings, self._metrics, self._inbox = plant, settings, metrics, inbox
        self._precision = Precision(plant.class_of)
        self.api = Api(settings.alert.api, Desk(settings.kafka, plant, settings.alert.shelf_limit), metrics)

    @contextlib.asynccontextmanager
    async def heard(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Follow and listen for the length of an `async with` block; *stop* is set if following breaks."""
        topic = topic_name(self._plant, Stage.FEEDBACK)
        async with followed(self._settings.kafka, topic, Feedback, self._hear, stop), self.api.listening():
            yield

    def _hear(self, told: Told[Feedback]) -> None:
        if told.event is None:
            # It is set aside by the historian, which reads each record once; here it would be at every start.
            self._metrics.count("andon_feedback_faults_total")
            _log.warning("feedback cannot be used", offset=told.record.offset, fault=told.fault)
            return
        self._inbox.tell(told.event)
        for level in self._precision.take(told.event):
            self._metrics.set(level.metric, level.amount, **level.labels)
