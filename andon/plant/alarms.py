"""What the plant model says of alerts beyond when they open: what suppresses them, and when they are flapping."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from andon.units import Duration


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Circumstance(StrEnum):
    """What a machine can be in the middle of, as far as alerts can be suppressed by it."""

    MAINTENANCE = "maintenance"
    """Maintenance, or another stop that was told, is under way."""
    PLANNED_STOP = "planned_stop"
    """The machine state of this name."""
    CHANGEOVER = "changeover"
    """The machine state of this name."""
    UNPLANNED_STOP = "unplanned_stop"
    """The machine state of this name."""
    IDLE = "idle"
    """The machine state of this name."""


class Flapping(_Part):
    """When an alert is held open as one, instead of coming and going (ANSI/ISA-18.2: chattering alarms)."""

    openings: int = Field(default=3, ge=1, le=100)
    """An alert that opens more often than this `within` so much time is flapping."""
    within: Duration = Field(default=3_600_000_000, gt=0)
    """The time (event time) that its openings are counted in."""
    quiet: Duration = 900_000_000
    """It is over when windows are normal for this long, instead of `resolve_after`."""
