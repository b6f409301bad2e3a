"""The mapping file's content: which columns of which tables become which plant events. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from andon.connection import Group, Text
from andon.contracts import MachineState
from andon.plant.production import TimeZone
from andon.plant.references import place_fault
from andon.secrets import NamedTls, SecretRef
from andon.units import Span

Kind = Literal["order", "batch", "product", "recipe", "shift", "maintenance", "machine_state"]
"""Kinds of events that a row can become."""
_RELATION = re.compile(r'[^."\x00]{1,63}\.[^."\x00]{1,63}')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_STATES = frozenset(state.value for state in MachineState)


def _column_or_cell(value: object) -> object:
    if isinstance(value, str):
        return {"column": value}
    if not isinstance(value, dict):
        raise ValueError("names no column (write the column's name, or `column` and `map`, or `value`)")
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _some(value: object) -> object:
    # Not `min_length`, which pydantic also reports where there are some and all of them are wrong.
    if value == []:
        raise ValueError("is empty (add one)")
    return value


def _scalar_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _qualified(name: str) -> str:
    if not _RELATION.fullmatch(name):
        raise ValueError(f"{name!r} is no table or view with its schema (write it as in public.production_orders)")
    return name


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} may hold only letters, digits, '_', '.' and '-', at most 63 of them")
    return name


def _known_place(place: str, info: ValidationInfo) -> str:
    places = (info.context or {}).get("places")
    fault = place_fault(place, places) if places is not None else None
    if fault:
        raise ValueError(fault)
    return place


Place = Annotated[str, AfterValidator(_known_place)]
"""A place of the plant, which the validation's context knows as `places`; the empty text is the site."""


class Cell(Group):
    """Where a text of an event comes from; a bare text in the file is the column."""

    column: Text | None = None
    """The column that it is in."""
    map: dict[str, str] | None = None
    """What the column holds to what it means; what is not named here cannot be used."""
    value: str | None = None
    """The same for all rows, instead of a column."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either `column`, which is read, or `value`, which is the same for all rows")
        if self.map is not None and self.column is None:
            raise ValueError("`map` says what a column means (add `column`)")
        return self


class PlaceCell(Cell):
    """Where its place comes from."""

    map: dict[str, Place] | None = None
    """What the column holds to a place; what is not named here cannot be used."""
    value: Place | None = None
    """The same for all rows, instead of a column; the empty text is the site."""


class Table(Group):
    """One table or view, each row of which is an event."""

    kind: Kind
    """What the rows are."""
    source: Annotated[str, AfterValidator(_qualified)] = Field(alias="from")
    """Schema and name of the table or view."""
    watermark: Text
    """A timestamp or an integer that grows with each change of a row."""
    key: Annotated[tuple[Text, ...], BeforeValidator(_some), BeforeValidator(_one_or_more)]
    """The columns that tell a row from all others."""
    name: Annotated[Cell, BeforeValidator(_column_or_cell)]
    """Number or name of the order, batch, shift, state ..."""
    place: Annotated[PlaceCell, BeforeValidator(_column_or_cell)]
    """What it is about."""
    start: Text
    """Since when it is so; a row without has not begun and is passed over."""
    end: Text | None = None
    """Until when; null while it lasts."""
    revision: Text | None = None
    """An integer that grows with each correction; without one, what was told last counts."""
    attributes: dict[Text, Annotated[Cell, BeforeValidator(_column_or_cell)]] = Field(default_factory=dict)
    """What else to tell of it."""
    where: dict[Text, Annotated[str, BeforeValidator(_scalar_text)]] = Field(default_factory=dict)
    """Columns and what they must be equal to."""
    time_zone: TimeZone | None = None
    """Time zone of timestamps that have none."""
    lookback: Span = Field(default=300_000_000, ge=0)
    """How long a transaction may take to become visible, by a watermark that is a timestamp."""
    lookback_numbers: int = Field(default=1_000, ge=0)
    """How many numbers may be ahead of it until it does, by a watermark that is an integer."""

    @field_validator("name")
    @classmethod
    def _states_are_known(cls, name: Cell, info: ValidationInfo) -> Cell:
        told = (*(name.map or {}).values(), *((name.value,) if name.value is not None else ()))
        for fault in map(state_fault, told):
            if fault and info.data.get("kind") == "machine_state":
                raise ValueError(fault)
        return name

    @property
    def relation(self) -> tuple[str, str]:
        """Schema and name."""
        schema, _, name = self.source.partition(".")
        return schema, name

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, each once."""
        return tuple(dict.fromkeys(column for _, column in self.uses()))

    def uses(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the name of each column that is read, behind the place that says so."""
        yield ("watermark",), self.watermark
        yield from ((("key",), column) for column in self.key)
        cells: dict[tuple[str, ...], Cell] = {("name",): self.name, ("place",): self.place}
        cells |= {("attributes", name): cell for name, cell in self.attributes.items()}
        yield from ((place, cell.column) for place, cell in cells.items() if cell.column is not None)
        times = {"start": self.start, "end": self.end, "revision": self.revision}
        yield from (((name,), column) for name, column in times.items() if column is not None)


class System(Group):
    """One MES or ERP, or whatever else PostgreSQL's protocol reaches."""

    name: Annotated[str, AfterValidator(_named)]
    """Unique; begins the events' ids."""
    dsn: SecretRef
    """Where the address with user and password is: postgresql://user:password@host:port/database."""
    tls: NamedTls = NamedTls()
    every: Span = Field(default=10_000_000, ge=10_000)
    """How long to wait before asking again, once everything has been read."""
    timeout: Span = Field(default=10_000_000, gt=0)
    """A system that takes longer to connect is away."""
    statement_timeout: Span = Field(default=30_000_000, ge=1_000)
    """A statement that takes longer is given up."""
    tables: Annotated[tuple[Table, ...], BeforeValidator(_some)]
    """What to read there."""

    @field_validator("tables")
    @classmethod
    def _kinds_differ(cls, tables: tuple[Table, ...]) -> tuple[Table, ...]:
        kinds = [table.kind for table in tables]
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise ValueError(
                    f"two tables are of kind {kind!r}, so that ids could meet (make one a system of another name)"
                )
        return tables


class Mapping(Group):
    """A mapping file. `services.mes.mapping_file.load_mapping` makes one."""

    systems: Annotated[tuple[System, ...], BeforeValidator(_some)]
    """What to read."""

    @field_validator("systems")
    @classmethod
    def _names_differ(cls, systems: tuple[System, ...]) -> tuple[System, ...]:
        names = [system.name for system in systems]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two systems are named {name!r} (rename one; the name begins its events' ids)")
        return systems


def state_fault(state: str) -> str | None:
    """Return why a text is no machine state, and what to do; None when it is one."""
    return None if state in _STATES else f"{state!r} is no machine state (map it to one of {', '.join(MachineState)})"
