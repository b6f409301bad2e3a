"""What people see, and what they say back."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from andon.contracts.base import Event, Micros, Model
from andon.contracts.frames import Context
from andon.contracts.scoring import Contribution, LimitViolation, ModelRef


class AlertState(StrEnum):
    """Where an alert is in its life (ANSI/ISA-18.2, OPC UA Alarms and Conditions)."""

    OPEN = "open"
    """Needs a person, and nobody has taken it."""
    ACKNOWLEDGED = "acknowledged"
    """Somebody has taken it; it is not over."""
    RESOLVED = "resolved"
    """Over."""
    SUPPRESSED = "suppressed"
    """Not over, and not to be told to people: a planned circumstance, or shelved by a person."""


Severity = Literal["info", "warning", "critical"]

#: The name of an alert through its life, as a regular expression.
ALERT_PATTERN = r"^[A-Za-z0-9_./-]+@\d{1,16}:alert(@backfill)?$"


class Acknowledgement(Model):
    """Who took an alert."""

    author: str = Field(description="Who took it.")
    time: Micros = Field(description="When.")
    note: str = Field(default="", description="What they said.")


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
    causes: list[str] = Field(
        default_factory=list,
        description="All that led to it so far: '<tag>:<bound>' of broken limits, '<tag>:anomaly' of the model's main "
        "reasons, 'anomaly' where no signal stood out.",
    )
    flapping: bool = Field(
        default=False, description="It has come and gone so often that it is held open until a longer calm."
    )
    suppressed_by: str | None = Field(
        default=None, description="While suppressed: maintenance, a machine state such as planned_stop, or shelved."
    )
    acknowledged: Acknowledgement | None = Field(default=None, description="While acknowledged: by whom and when.")
    use_case: str | None = Field(default=None, description="The use case in the plant model that owns it.")
    owner: str | None = Field(default=None, description="Who is to act.")
    score: float | None = Field(default=None, description="The newest score.")
    threshold: float | None = Field(default=None, description="The threshold that it is compared with.")
    contributions: list[Contribution] = Field(default_factory=list)
    limit_violations: list[LimitViolation] = Field(default_factory=list)
    inference: str = Field(description="Id of the newest inference that changed the alert.")
    model: ModelRef | None = Field(
        default=None, description="The model behind that inference; null when limits keep watch without one."
    )
    context: Context | None = Field(default=None, description="Order, batch, product and shift at that time.")


class Verdict(StrEnum):
    """What a person found on the floor."""

    REAL = "real"
    FALSE = "false"
    UNSURE = "unsure"


class Action(StrEnum):
    """What a person does with an alert."""

    VERDICT = "verdict"
    """Says whether it was real."""
    ACKNOWLEDGE = "acknowledge"
    """Takes it."""
    SHELVE = "shelve"
    """Wants to hear nothing of its asset until a time (ISA-18.2: shelving)."""


class Feedback(Event):
    """Stage `feedback`: what a person says about an alert. `time` is when they said it."""

    alert: str = Field(description="The alert's name.", pattern=ALERT_PATTERN)
    action: Action = Field(default=Action.VERDICT, description="What they do with it.")
    verdict: Verdict | None = Field(default=None, description="Of action verdict: what they found.")
    until: Micros | None = Field(default=None, description="Of action shelve: event time at which it ends.")
    note: str = Field(default="", max_length=2_000)
    author: str = Field(min_length=1, max_length=200, description="Who says so.")
    model: ModelRef | None = Field(default=None, description="The model that raised the alert, as far as known.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.verdict is None) == (self.action is Action.VERDICT):
            raise ValueError("action verdict needs a `verdict`, the others have none")
        if (self.until is None) == (self.action is Action.SHELVE):
            raise ValueError("action shelve needs `until`, the others have none")
        if not self.alert.startswith(f"{self.asset}@"):
            raise ValueError(f"alert {self.alert!r} is none of asset {self.asset!r}")
        return self
