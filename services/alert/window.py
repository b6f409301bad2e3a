"""One window and what it may change: the input and the output of the life of an alert."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from andon.contracts import AlertState, Decision
from andon.contracts.alerting import Severity
from services.alert.state import Open

_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


def worst(*severities: Severity) -> Severity:
    """Return the gravest of *severities*; ``info`` of none."""
    return max(severities, key=_SEVERITIES.index, default="info")


@dataclass(frozen=True, slots=True)
class Window:
    """What an inference says about one window, as far as the life of an alert depends on it.

    Attributes:
        time: the window's end, microseconds UTC.
        offset: input offset of the inference.
        decision: the model's verdict.
        score: the model's score, if it gave one.
        threshold: what the score is compared with.
        severity: how grave the window is; of no meaning unless it is anomalous.
        broken: limits that it breaks, as ``<tag>:<bound>``.
        suspect: the model's main reason, as ``<tag>:anomaly``; None unless it found an anomaly.
        circumstances: what the machine is in the middle of: ``maintenance``, and its state.
    """

    time: int
    offset: int
    decision: Decision
    score: float | None = None
    threshold: float | None = None
    severity: Severity = "warning"
    broken: frozenset[str] = frozenset()
    suspect: str | None = None
    circumstances: frozenset[str] = frozenset()

    @property
    def anomalous(self) -> bool:
        """The model says so, or a limit is broken."""
        return self.decision is Decision.ANOMALY or bool(self.broken)

    @property
    def abstaining(self) -> bool:
        """It is no evidence for anything."""
        return self.decision is Decision.ABSTAIN and not self.broken

    @property
    def causes(self) -> frozenset[str]:
        """All that makes it anomalous."""
        return self.broken | {self.suspect} if self.suspect else self.broken


class ChangeKind(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    WORSENED = "worsened"
    """Graver than before, or a limit is broken that was not broken before."""
    RESOLVED = "resolved"
    """The asset was seen to be normal."""
    LAPSED = "lapsed"
    """Closed, because the asset can no longer be judged."""
    SUPPRESSED = "suppressed"
    """People are not to be told of it for now, of its opening neither."""
    RELEASED = "released"
    """What suppressed it is over, and it is not."""
    ACKNOWLEDGED = "acknowledged"
    """A person has taken it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to tell people: what happened to which alert, and the offset of the first input that led to it.

    Attributes:
        kind: what happened.
        alert: the alert afterwards; if it is over, as it was to the end.
        first_offset: of the first inference that led to it.
    """

    kind: ChangeKind
    alert: Open
    first_offset: int

    @property
    def state(self) -> AlertState:
        """The alert's state from now on."""
        ended = self.kind in (ChangeKind.RESOLVED, ChangeKind.LAPSED)
        return AlertState.RESOLVED if ended else self.alert.standing
