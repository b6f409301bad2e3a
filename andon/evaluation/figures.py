"""All figures of a detector in one row: the table in which the trivial detectors always stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon.evaluation.events import event_figures
from andon.evaluation.points import confusion
from andon.evaluation.ranges import range_f1
from andon.evaluation.record import Record
from andon.evaluation.volume import vus_pr


@dataclass(frozen=True, slots=True)
class Figures:
    """What a detector is worth; NaN where there is nothing to compute a figure of.

    Attributes:
        name: the detector.
        f1: row-wise F1.
        far: share of normal rows with an alarm.
        mar: share of abnormal rows without one.
        found: events with an alarm in at least one row.
        events: all events.
        delay: median rows from an event's start to its first alarm.
        false_alarms_per_hour: alarms that began in normal operation, per hour of that.
        vus_pr: volume under the precision-recall surface.
        range_f1: range-based F1.
    """

    name: str
    f1: float
    far: float
    mar: float
    found: int
    events: int
    delay: float
    false_alarms_per_hour: float
    vus_pr: float
    range_f1: float


def figures(name: str, records: Sequence[Record], *, step: float, buffer: int) -> Figures:
    """Judge a detector by all records together.

    Args:
        name: the detector.
        records: what it said of each machine or file.
        step: seconds between rows.
        buffer: longest buffer of VUS-PR, rows.
    """
    points, events = confusion(records), event_figures(records)
    return Figures(
        name=name,
        f1=points.f1,
        far=points.far,
        mar=points.mar,
        found=events.found,
        events=events.events,
        delay=events.median_delay,
        false_alarms_per_hour=events.false_alarms_per_hour(step),
        vus_pr=vus_pr(records, buffer),
        range_f1=range_f1(records),
    )
