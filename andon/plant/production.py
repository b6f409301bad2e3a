"""What the plant model says of production: shifts, machine states and what is counted."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from andon.contracts.frames import MachineState
from andon.units import Duration
from andon.uns import check_asset, check_tag

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Weekday(StrEnum):
    """Days of the week; `number` counts from Monday, 0."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """0 for Monday to 6 for Sunday, as Python counts."""
        return _DAYS.index(self)


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone (write it as in Europe/Berlin, America/Chicago or UTC)") from None
    return name


def _parse_clock(value: object) -> object:
    if isinstance(value, time):
        return value
    try:
        return datetime.strptime(value, "%H:%M").time() if isinstance(value, str) else _no_clock(value)
    except ValueError:
        return _no_clock(value)


def _no_clock(value: object) -> object:
    raise ValueError(f'{value!r} is no time of day (write it as in "06:00", in quotes)')


def _parse_date(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"{value!r} is no date (write it as in 2026-12-25)") from None


def _check_level(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    kind = "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else repr(value)
    raise ValueError(f"{kind} is no number, boolean or state")


TimeZone = Annotated[str, AfterValidator(_check_zone)]
"""IANA name of a time zone."""
ClockTime = Annotated[
    time, BeforeValidator(_parse_clock), WithJsonSchema({"type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$"})
]
"""Local time of day."""
Day = Annotated[date, BeforeValidator(_parse_date), WithJsonSchema({"type": "string", "format": "date"})]
Level = Annotated[bool | float | str, BeforeValidator(_check_level)]
"""What a sample may be equal to."""
TagName = Annotated[str, AfterValidator(check_tag)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Shift(_Part):
    """A shift of the weekly calendar; shifts that are told as events go before it."""

    name: str = Field(min_length=1)
    start: ClockTime
    """Local time at which it starts, such as "06:00"."""
    end: ClockTime
    """Local time at which it ends; not after `start` means the next day."""
    days: tuple[Weekday, ...] = tuple(Weekday)
    """Days on which it starts."""
    place: Annotated[str, AfterValidator(check_asset)] | None = None
    """Area, line, cell or machine that it is for; null means the whole site. The nearest place counts."""


class Condition(_Part):
    """What a tag's sample must be like; all that is given must hold."""

    above: float | None = None
    """Greater than this."""
    below: float | None = None
    """Less than this."""
    equal: Level | None = None
    """For booleans, states and integers: exactly this."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.above is None and self.below is None and self.equal is None:
            raise ValueError("a condition needs `above`, `below` or `equal`")
        return self


class Given(_Part):
    """Which context must be there (true) or must not be (false); what is not named does not matter."""

    order: bool | None = None
    batch: bool | None = None
    shift: bool | None = None
    maintenance: bool | None = None


class StateRule(_Part):
    """When a machine is in a state. The first rule that fits counts; none without any condition fits always.

    A rule that needs a sample which is missing or marked cannot be judged: the state is unknown then, lest bad data
    be taken for a stop.
    """

    state: MachineState
    when: dict[TagName, Condition] = Field(default_factory=dict)
    """Tag to what its sample must be like."""
    given: Given = Given()
    """Which context must be there."""


class Quantity(_Part):
    """A quantity that a tag tells of."""

    tag: TagName
    per: Duration | None = Field(default=None, gt=0)
    """Null: the tag counts up, and starts again from 0 when it falls. Otherwise it is a rate, per so much time, such
    as 1h for m**3/h, which is summed up."""


class Production(_Part):
    """What the key performance indicators of ISO 22400-2 are computed from."""

    produced: Quantity
    """Produced quantity, PQ."""
    scrap: Quantity | None = None
    """Part of it that is scrap."""
    good_when: dict[TagName, Condition] = Field(default_factory=dict)
    """What is produced while a tag breaks its condition is not good, as in continuous processes."""
    item_time: Duration | None = Field(default=None, gt=0)
    """Planned run time per item (or unit of quantity), PRI; a product's own goes before it."""
    unit: str | None = None
    """Unit of the quantities, such as pieces or m**3."""
