"""Hearing what is told of models and of drift: from the beginning of both topics, as often as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from andon.contracts import DriftReport, ModelEvent
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.follow import Told, follow
from andon.stream.topics import topic_name
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.trainer.retraining.ledger import Ledger
from services.trainer.retraining.reports import Reports

_log = get_logger(__name__)
_Event = TypeVar("_Event", bound=BaseModel)


class Hearing:
    """What was heard so far.

    Args:
        plant: the plant model.
        kafka: how to reach the broker.
        metrics: counts what cannot be read.

    Attributes:
        ledger: what the `model` topic says.
        reports: what the `drift` topic says.
        changed: set when there is something new.
    """

    def __init__(self, plant: Plant, kafka: KafkaSettings, metrics: Metrics) -> None:
        self._plant, self._kafka, self._metrics = plant, kafka, metrics
        self._current = {Stage.MODEL: False, Stage.DRIFT: False}
        self.ledger, self.reports, self.changed = Ledger(), Reports(), asyncio.Event()

    @property
    def complete(self) -> bool:
        """Whether everything that was told so far has been heard."""
        return all(self._current.values())

    async def models(self) -> None:
        """Follow the `model` topic until cancelled."""
        await self._follow(Stage.MODEL, ModelEvent, lambda event, _: self.ledger.take(event))

    async def drift(self) -> None:
        """Follow the `drift` topic until cancelled."""
        await self._follow(Stage.DRIFT, DriftReport, self.reports.take)

    async def _follow(self, stage: Stage, contract: type[_Event], take: Callable[[_Event, int], None]) -> None:
        def hear(told: Told[_Event]) -> None:
            if told.event is None:
                self._metrics.count("andon_retrain_unreadable_total", stage=stage)
                _log.error("a record does not keep to its contract", stage=stage, fault=told.fault)
            else:
                take(told.event, told.at)
                self.changed.set()

        def note(current: bool) -> None:
            if self._current[stage] != current:
                self._current[stage] = current
                self.changed.set()

        await follow(self._kafka, topic_name(self._plant, stage), contract, hear, note)
