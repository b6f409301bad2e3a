"""A row of another system -> a plant event, or why it makes none. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from andon.contracts import DeadLetterReason, PlantEvent
from andon.plant.model import Unit
from andon.plant.references import place_fault
from andon.units import parse_duration
from services.mes.mapping import Cell, Table, state_fault
from services.mes.moments import MomentError, span

#: Unit of what is counted, beside all units of measurement.
PIECES = "pieces"
_UNIT = TypeAdapter(Unit)
#: What PostgreSQL's bigint holds, and not much more.
_WHOLE = re.compile(r"[0-9]{1,18}")

Row = Mapping[str, str | None]
"""Column to value as PostgreSQL writes it; None for null."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row makes no event."""

    reason: DeadLetterReason
    detail: str


class _RefusedError(Exception):
    def __init__(self, detail: str, reason: DeadLetterReason = DeadLetterReason.SCHEMA) -> None:
        super().__init__(detail)
        self.refusal = Refusal(reason, detail)


class EventMaker:
    """Makes the events of one table.

    Args:
        system: the system's name.
        table: which columns mean what.
        places: of the plant.
    """

    def __init__(self, system: str, table: Table, places: frozenset[str]) -> None:
        self._system, self._table, self._places = system, table, places
        self._zone = ZoneInfo(table.time_zone) if table.time_zone else None

    def event(self, row: Row) -> PlantEvent | Refusal | None:
        """Return the event of a row, or why there is none; None when what it tells of has not begun."""
        try:
            return None if row[self._table.start] is None else self._event(row, row[self._table.start] or "")
        except _RefusedError as error:
            return error.refusal

    def _event(self, row: Row, start: str) -> PlantEvent:
        table = self._table
        try:
            begun, ended = span(start, row[table.end] if table.end else None, self._zone)
            event = PlantEvent(
                id=self._id(row),
                time=begun,
                end=ended,
                asset=self._place(row) or None,
                kind=table.kind,
                name=_name(table, row),
                attributes={
                    key: text for key, cell in table.attributes.items() if (text := _read(key, cell, row)) is not None
                },
                revision=_revision(table, row),
            )
        except MomentError as error:
            raise _RefusedError(str(error)) from None
        except ValidationError as error:
            raise _RefusedError("; ".join(fault["msg"] for fault in error.errors(include_url=False))) from None
        _check_content(event)
        return event

    def _id(self, row: Row) -> str:
        parts = {column: row[column] for column in self._table.key}
        for column, value in parts.items():
            if value is None:
                raise _RefusedError(f"{column} is null, and is part of the key")
        return f"{self._system}/{self._table.kind}/{joined([value or '' for value in parts.values()])}"

    def _place(self, row: Row) -> str:
        cell = self._table.place
        place = _read("place", cell, row, DeadLetterReason.UNKNOWN_ASSET)
        if place is None or (not place and cell.column and cell.map is None):  # the site must be meant, not forgotten
            raise _RefusedError(f"place: {cell.column} is empty", DeadLetterReason.UNKNOWN_ASSET)
        if fault := place_fault(place, self._places):
            raise _RefusedError(f"place: {fault}", DeadLetterReason.UNKNOWN_ASSET)
        return place


def joined(key: Sequence[str]) -> str:
    """Return the values of a key as one text; those of several columns so that ("a/b", "c") and ("a", "b/c") differ."""
    parts = key if len(key) == 1 else [part.replace("%", "%25").replace("/", "%2F") for part in key]
    return "/".join(parts)


def _read(what: str, cell: Cell, row: Row, reason: DeadLetterReason = DeadLetterReason.SCHEMA) -> str | None:
    """Return what a cell says; None for null."""
    if cell.column is None:
        return cell.value
    text = row[cell.column]
    if text is None or cell.map is None:
        return text
    if text not in cell.map:
        raise _RefusedError(f"{what}: {cell.column} is {text!r}, which `map` does not name (add it)", reason)
    return cell.map[text]


def _name(table: Table, row: Row) -> str:
    name = _read("name", table.name, row)
    if not name:
        raise _RefusedError(f"name: {table.name.column} is empty")
    return name


def _revision(table: Table, row: Row) -> int:
    text = row[table.revision] if table.revision else "0"
    if text is None or not _WHOLE.fullmatch(text):
        raise _RefusedError(
            f"revision: {table.revision} is {text!r}, and must be a whole number, not negative, of at most 18 digits"
        )
    return int(text)


def _check_content(event: PlantEvent) -> None:
    """Refuse what the event's contract allows and nobody understands."""
    if event.kind == "machine_state" and (fault := state_fault(event.name)):
        raise _RefusedError(f"name: {fault}")
    if event.kind != "product":
        return
    unit, item_time = event.attributes.get("unit", PIECES), event.attributes.get("item_time", "0s")
    try:
        if unit != PIECES:
            _UNIT.validate_python(unit)
        parse_duration(item_time)
    except ValidationError as error:
        raise _RefusedError(f"unit: {error.errors()[0]['ctx']['error']}", DeadLetterReason.UNIT) from None
    except ValueError as error:
        raise _RefusedError(f"item_time: {error}") from None
