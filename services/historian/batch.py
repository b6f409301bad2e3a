"""A batch of records as rows of tables: bytes in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import polars as pl

from andon.clock import isoformat
from andon.contracts import CATALOGUE, DeadLetterReason, Origin
from andon.plant import Plant
from andon.stream.codec import Consumed, Decoder
from andon.stream.stage import OFFSET
from andon.uns import Stage
from services.historian.rows import RECORD, UNPARSED, document_rows, frame_rows
from services.historian.tables import DOCUMENT_STAGES, Table

_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that cannot be kept, by its number in the batch."""

    record: int
    reason: DeadLetterReason
    detail: str


@dataclass(slots=True)
class Batch:
    """What a batch of records comes to.

    Attributes:
        rows: table and rows, with column `RECORD`.
        frames: of raw data, asset class and decoded frames, with columns `RECORD` and `partition`.
        refused: records to set aside.
        expired: rows that were left out because they are older than what is kept.
        ingest_times: of a sample of the records, microseconds UTC.
    """

    rows: list[tuple[Table, pl.DataFrame]] = field(default_factory=list)
    frames: list[tuple[str, pl.DataFrame]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    expired: int = 0
    ingest_times: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Horizon:
    """Event times that are kept, microseconds UTC."""

    oldest: int
    latest: int


class Reader:
    """Reads records of one stage.

    Args:
        plant: the plant model.
        stage: raw stands for backfill, too.
        tables: all tables, by stage and asset class.
        asset_ids: asset path to its number in the database.
        history: topics whose frames are history, whatever they say themselves.
    """

    def __init__(
        self,
        plant: Plant,
        stage: Stage,
        tables: Mapping[tuple[Stage, str | None], Table],
        asset_ids: Mapping[str, int],
        history: frozenset[str] = frozenset(),
    ) -> None:
        self._stage, self._tables, self._asset_ids, self._history = stage, tables, asset_ids, history
        self._decoder = Decoder(plant, CATALOGUE[stage].event, without=UNPARSED.get(stage, ()))

    def read(self, records: Sequence[Consumed], horizon: Horizon) -> Batch:
        """Return what *records* come to, those of each partition in order and together; none is lost."""
        batch = Batch()
        by_class: dict[str, list[pl.DataFrame]] = {}
        first = 0
        for (topic, partition), part in groupby(records, key=lambda each: (each.topic, each.partition)):
            group = list(part)
            for name, rows in self._decode(group, first, batch).items():
                placed = rows.with_columns(partition=pl.lit(partition, pl.Int32))
                if topic in self._history:
                    placed = placed.with_columns(origin=pl.lit(Origin.BACKFILL.value))
                by_class.setdefault(name, []).append(placed)
            first += len(group)
        kept = {name: self._believed(pl.concat(parts), horizon, batch) for name, parts in by_class.items()}
        self._fill(batch, kept, records, horizon)
        return batch

    def _decode(self, group: Sequence[Consumed], first: int, batch: Batch) -> dict[str, pl.DataFrame]:
        decoded = self._decoder.decode(group)
        offsets = np.array([record.offset for record in group])
        for each in decoded.rejected:
            number = first + int(np.searchsorted(offsets, each.offset))
            batch.refused.append(Refused(number, each.reason, each.detail))
        return {
            name: rows.with_columns(pl.Series(RECORD, first + np.searchsorted(offsets, rows[OFFSET].to_numpy())))
            for name, rows in decoded.rows.items()
        }

    def _believed(self, events: pl.DataFrame, horizon: Horizon, batch: Batch) -> pl.DataFrame:
        """Return events whose time can be true; the others would make partitions that are never dropped."""
        ahead = events.filter(pl.col("time") > horizon.latest)
        for number, time in ahead.select(RECORD, "time").iter_rows():
            detail = f"event time {isoformat(time)} is ahead of the clock: correct the source's clock"
            batch.refused.append(Refused(number, DeadLetterReason.FUTURE_TIME, detail))
        return events.filter(pl.col("time") <= horizon.latest) if ahead.height else events

    def _fill(
        self, batch: Batch, events: Mapping[str, pl.DataFrame], records: Sequence[Consumed], horizon: Horizon
    ) -> None:
        for name, rows in events.items():
            times: pl.Series = rows["ingest_time"]
            batch.ingest_times += times.gather_every(max(1, len(times) // _SAMPLES)).to_list()
            if self._stage is Stage.RAW:
                batch.frames.append((name, rows))
            recent = rows.filter(pl.col("time") >= horizon.oldest)
            batch.expired += rows.height - recent.height
            if recent.height:
                batch.rows.append(self._rows(name, recent, records))

    def _rows(self, name: str, events: pl.DataFrame, records: Sequence[Consumed]) -> tuple[Table, pl.DataFrame]:
        if self._stage in DOCUMENT_STAGES:
            table = self._tables[self._stage, None]
            return table, document_rows(table, events, self._asset_ids, [record.value for record in records])
        table = self._tables[self._stage, name]
        return table, frame_rows(table, events, self._asset_ids)
