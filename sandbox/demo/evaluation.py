"""What the alerts of a run were worth, judged by the ground truth. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from andon.contracts import Context

_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class LabelledEvent:
    """A stretch in which an asset truly behaved abnormally; times are event time, microseconds UTC.

    Attributes:
        process: whether the machine was abnormal (to be found), not only a sensor (to be marked).
    """

    asset: str
    start: int
    end: int
    kind: str
    process: bool


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """An alert from opening to resolution; `resolved` is None while it is open at the end of the run.

    Attributes:
        reasons: why it opened, in words, the gravest first.
        name: names it through its life.
    """

    asset: str
    opened: int
    resolved: int | None
    message: str
    context: Context | None = None
    reasons: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of a run.

    Attributes:
        found: each found event with its first alert and the delay from its start, microseconds.
        missed: process events without an alert.
        false_alarms: alerts that overlap no process event.
        on_sensor_faults: those of the false alarms that overlap a labelled sensor fault.
        normal_hours: machine hours outside process events.
    """

    found: tuple[tuple[LabelledEvent, AlertSpan, int], ...]
    missed: tuple[LabelledEvent, ...]
    false_alarms: tuple[AlertSpan, ...]
    on_sensor_faults: tuple[AlertSpan, ...]
    normal_hours: float

    @property
    def false_alarms_per_hour(self) -> float:
        """False alarms per machine hour of normal operation; nan when there was none."""
        return len(self.false_alarms) / self.normal_hours if self.normal_hours else float("nan")

    @property
    def median_delay(self) -> int | None:
        """Median detection delay, microseconds."""
        delays = sorted(delay for _, _, delay in self.found)
        return delays[len(delays) // 2] if delays else None


def evaluate(
    events: Sequence[LabelledEvent],
    alerts: Sequence[AlertSpan],
    spans: Mapping[str, tuple[int, int]],
    *,
    grace: int,
) -> Evaluation:
    """Judge alerts by labelled events.

    An alert belongs to an event of its asset when it was open at some time between the event's start and
    its end plus *grace* (a window that ends after an event may still hold samples of it).

    Args:
        events: ground truth.
        alerts: what was raised.
        spans: per asset, first and last event time of the run.
        grace: microseconds, usually one window.
    """
    process = [event for event in events if event.process]
    found, missed = [], []
    for event in process:
        mine = [alert for alert in alerts if _overlaps(alert, event, grace)]
        if mine:
            first = min(mine, key=lambda alert: alert.opened)
            found.append((event, first, max(0, first.opened - event.start)))
        else:
            missed.append(event)
    false = tuple(alert for alert in alerts if not any(_overlaps(alert, event, grace) for event in process))
    sensor = [event for event in events if not event.process]
    return Evaluation(
        found=tuple(found),
        missed=tuple(missed),
        false_alarms=false,
        on_sensor_faults=tuple(a for a in false if any(_overlaps(a, event, grace) for event in sensor)),
        normal_hours=(sum(last - first for first, last in spans.values()) - _abnormal(process, spans)) / _HOUR,
    )


def _overlaps(alert: AlertSpan, event: LabelledEvent, grace: int) -> bool:
    closed = alert.resolved if alert.resolved is not None else max(alert.opened, event.end) + 1
    return alert.asset == event.asset and alert.opened <= event.end + grace and closed > event.start


def _abnormal(process: Sequence[LabelledEvent], spans: Mapping[str, tuple[int, int]]) -> int:
    """Return the time that process events cover, each asset's overlaps counted once."""
    total = 0
    for asset, (first, last) in spans.items():
        reached = first
        for event in sorted((e for e in process if e.asset == asset), key=lambda e: e.start):
            start, end = max(event.start, reached), min(event.end, last)
            total += max(0, end - start)
            reached = max(reached, end)
    return total
