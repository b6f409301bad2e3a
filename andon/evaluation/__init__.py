"""What a detector is worth: figures of point, event and range, trivial detectors beside it, and a report. Pure."""

from andon.evaluation.events import EventFigures, event_figures
from andon.evaluation.figures import Figures, figures
from andon.evaluation.points import Confusion, confusion
from andon.evaluation.ranges import range_f1
from andon.evaluation.record import Record, intervals
from andon.evaluation.volume import vus_pr

__all__ = [
    "Confusion",
    "EventFigures",
    "Figures",
    "Record",
    "confusion",
    "event_figures",
    "figures",
    "intervals",
    "range_f1",
    "vus_pr",
]
