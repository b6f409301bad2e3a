"""Where a stage's records go: into tables (raw frames into the lake, too), or told to the database as plant events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import polars as pl

from andon.contracts import DeadLetterReason
from andon.stream.codec import Consumed
from andon.telemetry import Metrics
from services.historian.archive import Archive, days_of
from services.historian.batch import Batch, Horizon, Reader, Refused
from services.historian.halving import write_halving
from services.historian.lake.files import NoRoomError
from services.historian.lake.lake import Lake
from services.historian.patience import Patience
from services.historian.plant_events import Told, read_events, tell
from services.historian.rows import RECORD, encode_rows, in_few_days, newest
from services.historian.tables import Table

_T = TypeVar("_T")


@dataclass(slots=True)
class Kept:
    """What became of a batch.

    Attributes:
        new: rows that were not there before.
        expired: events that are older than what is kept.
        refused: records to set aside.
        ingest_times: of a sample of the records, microseconds UTC.
    """

    new: int = 0
    expired: int = 0
    refused: list[Refused] = field(default_factory=list)
    ingest_times: list[int] = field(default_factory=list)


class Keeper(Protocol):
    """Keeps batches of one stage."""

    async def keep(self, records: Sequence[Consumed]) -> Kept:
        """Return when all of *records* is durable, or refused. Safe to repeat."""
        ...


class LakeThread:
    """A lake, used from asyncio: all work on the disk happens in one thread, in order."""

    def __init__(self, lake: Lake, patience: Patience, metrics: Metrics) -> None:
        self._lake, self._patience, self._metrics = lake, patience, metrics
        self._thread = ThreadPoolExecutor(1, "lake")

    async def own(self, partitions: Iterable[int]) -> None:
        """Take over the open hours of *partitions*."""
        await self._run(self._lake.own, partitions, time.monotonic())

    async def append(self, batch: Batch) -> None:
        """Keep a batch's frames; waits while the disk is full."""
        await self._patience.with_disk(lambda: self._run(self._lake.append, batch.frames, time.monotonic()))

    async def close(self, *, everything: bool = False) -> None:
        """Write the files of hours that are over; while the disk is full they stay open."""
        try:
            if everything:
                written = await self._run(self._lake.close_all)
            else:
                written = await self._run(self._lake.close_due, time.monotonic())
        except NoRoomError as error:
            self._patience.note_disk(full=True, reason=str(error))
        else:
            self._metrics.count("andon_lake_files_total", written)

    async def _run(self, work: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


class TableKeeper:
    """Keeps records of one stage in their tables.

    Args:
        reader: decodes them.
        archive: the tables.
        patience: waits for the database.
        horizon: event times that are kept now.
        lake: where raw frames go as well.
    """

    def __init__(
        self,
        reader: Reader,
        archive: Archive,
        patience: Patience,
        horizon: Callable[[], Horizon],
        lake: LakeThread | None = None,
    ) -> None:
        self._reader, self._archive, self._patience = reader, archive, patience
        self._horizon, self._lake = horizon, lake

    async def keep(self, records: Sequence[Consumed]) -> Kept:
        """Return when all of *records* is in its table (and in the lake), or refused."""
        batch = await asyncio.to_thread(self._reader.read, records, self._horizon())
        if self._lake:
            await self._lake.append(batch)
        kept = Kept(expired=batch.expired, refused=batch.refused, ingest_times=batch.ingest_times)
        for table, rows in batch.rows:
            for part in in_few_days(await asyncio.to_thread(newest, table, rows)):
                kept.new += await self._write(table, part, kept)
        return kept

    async def _write(self, table: Table, rows: pl.DataFrame, kept: Kept) -> int:
        async def write(part: pl.DataFrame) -> int:
            encoded = await asyncio.to_thread(encode_rows, table, part)
            return await self._patience.with_database(lambda: self._archive.write(table, encoded, days_of(part)))

        def refuse(row: pl.DataFrame, why: str) -> None:
            kept.refused.append(_unkeepable(row[RECORD][0], why))

        return await write_halving(rows, write, refuse)


class EventKeeper:
    """Tells the database of events about the plant."""

    def __init__(self, archive: Archive, patience: Patience) -> None:
        self._database, self._patience = archive.database, patience

    async def keep(self, records: Sequence[Consumed]) -> Kept:
        """Return when the database knows all of *records*, or they are refused."""
        told, refused = read_events(records)
        kept = Kept(refused=refused)

        async def write(part: list[Told]) -> int:
            return await self._patience.with_database(lambda: tell(self._database, part))

        def refuse(one: list[Told], why: str) -> None:
            kept.refused.append(_unkeepable(one[0].record, why))

        if told:
            kept.new = await write_halving(told, write, refuse)
        return kept


def _unkeepable(record: int, why: str) -> Refused:
    return Refused(record, DeadLetterReason.SCHEMA, f"the database cannot keep it: {why}")
