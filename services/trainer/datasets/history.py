"""Frames of datasets from the historian's database, with what was told of the plant and of its alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from andon.contracts import PlantEvent
from andon.database import Database, connect
from andon.database.connection import AWAY
from andon.errors import DatabaseError
from andon.history import read_history, read_told, read_verdicts
from andon.plant import Plant
from andon.settings import DatabaseSettings
from services.trainer.datasets.build import Source
from services.trainer.datasets.frames import truth_of


@dataclass(frozen=True, slots=True)
class History:
    """What is read of the history.

    Attributes:
        since: event time to begin at, microseconds UTC; None begins with the oldest.
        until: event time to end at (exclusive); None ends with the newest.
        events: of the plant; None takes those that the database knows.
        intervals: asset, start and end of abnormal times; None knows of none.
        feedback: whether alerts that somebody called real are abnormal times as well.
    """

    since: int | None = None
    until: int | None = None
    events: Sequence[PlantEvent] | None = None
    intervals: pl.DataFrame | None = None
    feedback: bool = False


def from_history(plant: Plant, settings: DatabaseSettings, wanted: History) -> Iterator[tuple[str, Source]]:
    """Yield each class of the plant model that the history has frames of.

    Raises:
        ConfigError: no database is configured, it refuses us, or holds no history.
        DatabaseError: it does not answer.
    """
    for name in plant.classes:
        source = asyncio.run(_connected(plant, name, settings, wanted))
        if source.frames.height:
            yield name, source


async def _connected(plant: Plant, name: str, settings: DatabaseSettings, wanted: History) -> Source:
    try:
        async with connect(settings, application="andon-dataset") as database:
            return await _read(plant, name, database, wanted)
    except AWAY as error:
        raise DatabaseError(f"the database does not answer while frames of class {name} are read: {error!r}") from error


async def _read(plant: Plant, name: str, database: Database, wanted: History) -> Source:
    asset_class = plant.classes[name]
    frames = await read_history(database, name, asset_class, since=wanted.since, until=wanted.until)
    events, findings = (wanted.events, []) if wanted.events is not None else await read_told(database)
    spans = [] if wanted.intervals is None else [wanted.intervals]
    if wanted.feedback:
        spans.append(await read_verdicts(database, name, asset_class.features.window))
    truth = truth_of(frames, pl.concat(spans)) if spans else None
    return Source("history", frames, truth, events, tuple(findings))
