"""Event-wise figures: what a person at the machine experiences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from andon.evaluation.record import Ints, Record, intervals


@dataclass(frozen=True, slots=True)
class EventFigures:
    """Events found and false alarms of records together.

    Attributes:
        events: abnormal stretches.
        delays: rows from the start of each found event to its first alarm row; 0 if the alarm was already on.
        false_alarms: alarms that began while the machine was normal, even if they lasted into an event.
        normal_rows: rows in which the machine was normal.
    """

    events: int
    delays: tuple[int, ...]
    false_alarms: int
    normal_rows: int

    @property
    def found(self) -> int:
        """Events with an alarm in at least one of their rows."""
        return len(self.delays)

    @property
    def recall(self) -> float:
        """Share of events that were found; NaN if there was none."""
        return self.found / self.events if self.events else math.nan

    @property
    def median_delay(self) -> float:
        """Median delay of the found events, rows; NaN if none was found."""
        return float(np.median(self.delays)) if self.delays else math.nan

    def false_alarms_per_hour(self, step: float) -> float:
        """Return false alarms per hour of normal operation, of rows that are *step* seconds apart."""
        hours = self.normal_rows * step / 3_600
        return self.false_alarms / hours if hours else math.nan


def event_figures(records: Iterable[Record]) -> EventFigures:
    """Count events and false alarms of all records together."""
    events = false_alarms = normal_rows = 0
    delays: list[int] = []
    for record in records:
        abnormal = intervals(record.truth)
        events += len(abnormal)
        delays += _delays(record, abnormal)
        false_alarms += int((~record.truth[intervals(record.alarm)[:, 0]]).sum())
        normal_rows += int((~record.truth).sum())
    return EventFigures(events, tuple(delays), false_alarms, normal_rows)


def _delays(record: Record, abnormal: Ints) -> list[int]:
    return [int(record.alarm[first:end].argmax()) for first, end in abnormal if record.alarm[first:end].any()]
