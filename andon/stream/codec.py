"""JSON on the wire, Polars frames in memory: a whole poll is decoded and encoded at once.

Polars' NDJSON reader is strict: a wrong type is an error, and one broken line fails the whole batch.
The batch is then halved until the broken records stand alone, so a poison record costs O(log n)
re-reads and its neighbours go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import orjson
import polars as pl
from polars.exceptions import PolarsError
from pydantic import BaseModel, ValidationError

from andon.contracts import DeadLetterReason
from andon.contracts.base import faults
from andon.contracts.headers import LINEAGE_HEADER, THIS_CONTRACT, TRACEPARENT_HEADER
from andon.plant import Plant
from andon.plant.columns import event_schema, required_columns
from andon.stream.rows import RowReader
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, LINEAGE_COLUMNS, OFFSET, TRACEPARENT, Rejected

#: 2**53: beyond it JSON readers lose integers.
_LAST_MICROS = 2**53
_DETAIL_LENGTH = 500
#: Headers (topic names are at most 249 characters) and the record's own framing.
_RECORD_OVERHEAD = 512


class Record(Protocol):
    """What the codec needs of a Kafka record."""

    @property
    def offset(self) -> int:
        """Offset in its partition."""

    @property
    def key(self) -> bytes | None:
        """The key's bytes."""

    @property
    def value(self) -> bytes | None:
        """The value's bytes; None for a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Header names and values; Kafka allows a header without a value."""


class Consumed(Record, Protocol):
    """What is needed of a record that was read from a topic."""

    @property
    def topic(self) -> str:
        """The topic's name."""

    @property
    def partition(self) -> int:
        """The partition's number."""

    @property
    def timestamp(self) -> int:
        """When it was sent, milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One poll: rows per asset class, in offset order, and what could not be decoded."""

    rows: dict[str, pl.DataFrame]
    rejected: list[Rejected]


class Line(NamedTuple):
    """One event, encoded; `value` is None for a tombstone."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes | None]]

    @property
    def size(self) -> int:
        """Bytes on the wire, at most."""
        return len(self.key) + len(self.value or b"") + _RECORD_OVERHEAD


class Decoder:
    """Decodes records of one stage.

    Args:
        plant: says of which class an asset is.
        event: the contract of the stage.
        without: fields that the reader does not need.
    """

    def __init__(self, plant: Plant, event: type[BaseModel], *, without: tuple[str, ...] = ()) -> None:
        self._event = event
        self._required = [name for name in required_columns(event) if name not in without]
        self._readers = {
            name: RowReader(event_schema(event, asset_class, without=without))
            for name, asset_class in plant.classes.items()
        }
        self._class_of_key = {path.encode(): asset.asset_class for path, asset in plant.assets.items()}
        self._tags = {name: set(asset_class.tags) for name, asset_class in plant.classes.items()}

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Decode records of one partition; none is lost: each is a row or rejected."""
        rejected: list[Rejected] = []
        by_class: dict[str, list[Record]] = {}
        for record in records:  # per-event Python: a dictionary look-up, which is what tells the classes apart
            asset_class = self._class_of_key.get(record.key or b"")
            if asset_class is None:
                rejected.append(_unknown_asset(record))
            else:
                by_class.setdefault(asset_class, []).append(record)
        rows = {}
        for name, group in by_class.items():
            parts = list(self._read(name, group, rejected))
            if parts:
                rows[name] = self._checked(pl.concat(parts), group, rejected)
        return Decoded({name: frame for name, frame in rows.items() if frame.height}, rejected)

    def unknown_tags(self, asset_class: str, record: Record) -> set[str]:
        """Return tags of one record's `values` that the plant model does not know."""
        try:
            values = orjson.loads(record.value or b"").get("values")
        except (orjson.JSONDecodeError, AttributeError):
            return set()
        return set(values) - self._tags[asset_class] if isinstance(values, dict) else set()

    def _read(self, name: str, records: list[Record], rejected: list[Rejected]) -> Iterator[pl.DataFrame]:
        try:
            rows = self._readers[name].read([record.value or b"" for record in records])
        except PolarsError as error:
            if len(records) == 1:
                rejected.append(self._explain(records[0], error))
                return
            middle = len(records) // 2
            yield from self._read(name, records[:middle], rejected)
            yield from self._read(name, records[middle:], rejected)
        else:
            yield rows.hstack(
                [
                    pl.Series(OFFSET, [record.offset for record in records], pl.Int64),
                    pl.Series(TRACEPARENT, [traceparent_of(record) for record in records], pl.String),
                    pl.Series("_key", [record.key for record in records], pl.Binary),
                ]
            )

    def _checked(self, rows: pl.DataFrame, records: list[Record], rejected: list[Rejected]) -> pl.DataFrame:
        complete = pl.all_horizontal(pl.col(name).is_not_null() for name in self._required)
        good = complete & pl.col("time").is_between(0, _LAST_MICROS)
        same_key = (pl.col("asset").cast(pl.Binary) == pl.col("_key")).fill_null(value=False)
        # A call of Polars costs a small batch as much as dozens of records, so there is one where nothing is wrong.
        if all(rows.select(good.all(), same_key=same_key.all()).row(0)):
            rows.drop_in_place("_key")
            return rows
        marked = rows.with_columns(good.alias("_good"), same_key.alias("_same_key"))
        by_offset = {record.offset: record for record in records}
        broken = marked.filter(~pl.col("_good"))[OFFSET]
        rejected.extend(self._explain(by_offset[offset], None) for offset in broken)
        for row in marked.filter(pl.col("_good") & ~pl.col("_same_key")).iter_rows(named=True):
            detail = f"key is {row['_key']!r}, but the event is about asset {row['asset']!r}"
            rejected.append(Rejected(row[OFFSET], DeadLetterReason.KEY_MISMATCH, detail))
        return marked.filter(pl.col("_good") & pl.col("_same_key")).drop("_key", "_good", "_same_key")

    def _explain(self, record: Record, error: PolarsError | None) -> Rejected:
        try:
            parsed = orjson.loads(record.value or b"")
        except orjson.JSONDecodeError as broken:
            return Rejected(record.offset, DeadLetterReason.NOT_JSON, f"not JSON: {broken}"[:_DETAIL_LENGTH])
        if not isinstance(parsed, dict):
            found = type(parsed).__name__
            return Rejected(record.offset, DeadLetterReason.NOT_JSON, f"a JSON object is needed, found {found}")
        try:
            self._event.model_validate(parsed)
        except ValidationError as invalid:
            return Rejected(record.offset, DeadLetterReason.SCHEMA, faults(invalid)[:_DETAIL_LENGTH])
        detail = f"a value does not fit its tag's kind: {error}"
        return Rejected(record.offset, DeadLetterReason.SCHEMA, detail[:_DETAIL_LENGTH])


def encode(rows: pl.DataFrame, *, topic: str, partition: int) -> list[Line]:
    """Encode emitted rows: JSON value, key, and headers for contract version, trace and lineage.

    Args:
        rows: contract columns and `LINEAGE_COLUMNS`.
        topic: the input topic, for the lineage.
        partition: its partition.
    """
    if rows.is_empty():
        return []
    lineage = pl.concat_str(pl.lit(f"{topic}/{partition}@"), FIRST_OFFSET, pl.lit("-"), LAST_OFFSET)
    names = pl.col("asset", TRACEPARENT).cast(pl.String)
    texts = rows.select(names.cast(pl.Binary), lineage=lineage.cast(pl.Binary))
    keys, traces, origins = (column.to_list() for column in texts)
    # per-event Python: aiokafka appends record by record, so each needs its own key and headers object
    headers: list[list[tuple[str, bytes | None]]] = [
        [THIS_CONTRACT, (LINEAGE_HEADER, origin)]
        if trace is None
        else [THIS_CONTRACT, (LINEAGE_HEADER, origin), (TRACEPARENT_HEADER, trace)]
        for origin, trace in zip(origins, traces, strict=True)
    ]
    values = rows[[name for name in rows.columns if name not in LINEAGE_COLUMNS]]
    return list(map(Line, keys, encode_values(values), headers))


def encode_values(rows: pl.DataFrame) -> list[bytes]:
    """Return one JSON object per row."""
    return rows.write_ndjson().encode().split(b"\n")[:-1]


def traceparent_of(record: Record) -> str | None:
    """Return the W3C trace context that a record's header carries, if any."""
    for name, value in record.headers:
        if name == TRACEPARENT_HEADER and value is not None:
            return value.decode("ascii", "replace")
    return None


def _unknown_asset(record: Record) -> Rejected:
    detail = f"key {record.key!r} names no asset of the plant model"
    return Rejected(record.offset, DeadLetterReason.UNKNOWN_ASSET, detail)


__all__ = ["Consumed", "Decoded", "Decoder", "Line", "Record", "encode", "encode_values"]
