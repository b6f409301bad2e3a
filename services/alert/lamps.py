"""The lamps of all machines, as metrics: follows the `alert` topic, which is the one truth about alerts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from andon.contracts import Alert, AlertState
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.follow import Told, followed
from andon.stream.topics import topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from services.alert.standing import Standing, wanted

_STATE = "andon_alert_state"


class Lamps:
    """Shows, for one worker, the alerts of all workers that are not over, and what the plant model wants of them.

    Args:
        plant: the plant model.
        kafka: how to reach Kafka.
        metrics: where to show them.
    """

    def __init__(self, plant: Plant, kafka: KafkaSettings, metrics: Metrics) -> None:
        self._topic, self._kafka, self._metrics = topic_name(plant, Stage.ALERT), kafka, metrics
        self._standing = Standing()
        for level in wanted(plant):
            metrics.set(level.metric, level.amount, **level.labels)
        for asset_class in plant.classes:  # counted from 0 on: the first change is an increase only then
            for state in AlertState:
                metrics.count("andon_alerts_total", 0, asset_class=asset_class, state=state)

    @contextlib.asynccontextmanager
    async def lit(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """Follow for the length of an `async with` block; *stop* is set if following breaks."""
        async with followed(self._kafka, self._topic, Alert, self._take, stop):
            yield

    def _take(self, told: Told[Alert]) -> None:
        if told.event is None:  # the historian sets aside what is no alert
            return
        before, now = self._standing.take(told.event)
        if before is not None:
            self._metrics.forget(_STATE, **before)
        if now is not None:
            self._metrics.set(_STATE, 1, **now)
