"""What people see, and what they say back."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from andon.contracts.base import Event, Micros
from andon.contracts.frames import Context
from andon.contracts.scoring import Contribution, LimitViolation


class AlertState(StrEnum):
    """Where an alert is in its life."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    SUPPRESSED = "suppressed"


Severity = Literal["info", "warning", "critical"]


class Alert(Event):
    """Stage `alert`: something needs a person. One event per change of state; `time` is when it changed."""

    alert: str = Field(
        description="Names the alert through its life: '<asset>@<opened>:alert', of history '...:alert@backfill'."
    )
    asset_class: str = Field(description="The asset's class in the plant model.")
    state: AlertState
    severity: Severity
    opened: Micros = Field(description="Event time at which the alert opened.")
    since: Micros = Field(description="Event time of the first anomalous window that led to it.")
    message: str = Field(description="What to do, in plain words, from the plant model.")
    use_case: str | None = Field(default=None, description="The use case in the plant model that owns it.")
    owner: str | None = Field(default=None, description="Who is to act.")
    score: float | None = Field(default=None, description="The newest score.")
    threshold: float | None = Field(default=None, description="The threshold that it is compared with.")
    contributions: list[Contribution] = Field(default_factory=list)
    limit_violations: list[LimitViolation] = Field(default_factory=list)
    inference: str = Field(description="Id of the inference that caused this change.")
    context: Context | None = Field(default=None, description="Order, batch, product and shift at that time.")


class Verdict(StrEnum):
    """What a person found on the floor."""

    REAL = "real"
    FALSE = "false"
    UNSURE = "unsure"


class Feedback(Event):
    """Stage `feedback`: a person's verdict on an alert."""

    alert: str = Field(description="The alert's name.")
    verdict: Verdict
    note: str = Field(default="", max_length=2_000)
    author: str = Field(min_length=1, description="Who says so.")
