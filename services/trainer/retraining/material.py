"""What a training needs beside frames: what the plant and people told, and the champion to beat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from andon.clock import wall_clock
from andon.contracts import Alert, Feedback, PlantEvent
from andon.errors import RegistryError
from andon.plant import Plant
from andon.registry.cache import BundleCache
from andon.registry.client import RegistryClient
from andon.registry.v1 import registry_pb2 as pb
from andon.serving.trusted import verify
from andon.settings import KafkaSettings
from andon.signing import Trust
from andon.stream.reading import read_to_end
from andon.stream.topics import count_partitions, topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from services.trainer.retraining.labels import abnormal_intervals
from services.trainer.retraining.order import EVENTS, LABELS

_NOT_FOUND = "NOT_FOUND"
_Event = TypeVar("_Event", bound=BaseModel)


class Told:
    """Reads what the plant and people told so far.

    Args:
        plant: the plant model.
        kafka: how to reach the broker.
        metrics: counts what cannot be read.
    """

    def __init__(self, plant: Plant, kafka: KafkaSettings, metrics: Metrics) -> None:
        self._plant, self._kafka, self._metrics = plant, kafka, metrics

    async def write(self, folder: Path) -> bool:
        """Write `events.jsonl` and `labels.csv`; return whether there are intervals of abnormal operation.

        Raises:
            KafkaError: the broker does not answer.
        """
        partitions = await count_partitions(self._kafka)
        events = [event.model_dump_json() async for event in self._all(Stage.EVENT, PlantEvent, partitions)]
        alerts = [alert async for alert in self._all(Stage.ALERT, Alert, partitions)]
        said = [each async for each in self._all(Stage.FEEDBACK, Feedback, partitions)]
        intervals = abnormal_intervals(self._plant, alerts, said, wall_clock())
        await asyncio.to_thread(_write, folder, events, intervals)
        return not intervals.is_empty()

    async def _all(self, stage: Stage, contract: type[_Event], partitions: dict[str, int]) -> AsyncIterator[_Event]:
        topic = topic_name(self._plant, stage)
        async for record in read_to_end(self._kafka, topic, range(partitions[topic])):
            try:
                event = contract.model_validate_json(record.value or b"")
            except ValidationError:
                self._metrics.count("andon_retrain_unreadable_total", stage=stage)
            else:
                yield event


def _write(folder: Path, events: list[str], intervals: pl.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / EVENTS).write_text("\n".join(events), encoding="utf-8")
    intervals.write_csv(folder / LABELS)


async def fetch_champion(client: RegistryClient, name: str, trust: Trust, folder: Path) -> Path | None:
    """Return the folder of the bundle that acts in production, its signatures checked; None if none acts.

    Raises:
        RegistryError: the registry refuses, or is away.
        BundleError: the bundle is not what it claims to be, or nobody who is trusted signed it.
        OSError: the folder cannot be written to.
    """
    try:
        assignment = await client.resolve(name, pb.ALIAS_PRODUCTION)
    except RegistryError as error:
        if error.code == _NOT_FOUND:
            return None
        raise
    cache = BundleCache(folder / name)
    path = await cache.bring(assignment.model, client)
    cache.keep_only([path])
    await asyncio.to_thread(verify, path, assignment, name, trust)
    return path
