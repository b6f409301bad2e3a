"""Row-wise figures: every row counts once, without point adjustment.

Point adjustment, which counts a whole event as found when one of its rows is, makes random scores look excellent (Kim
et al. 2022, Towards a rigorous evaluation of time-series anomaly detection), so it is not offered.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from andon.evaluation.record import Record


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows by truth and alarm; figures that have no rows to be computed of are NaN.

    Attributes:
        tp: abnormal rows with an alarm.
        fp: normal rows with an alarm.
        tn: normal rows without an alarm.
        fn: abnormal rows without an alarm.
    """

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(self.tp, self.tp + (self.fp + self.fn) / 2)

    @property
    def far(self) -> float:
        """False alarm rate: share of normal rows with an alarm."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def mar(self) -> float:
        """Missed alarm rate: share of abnormal rows without an alarm."""
        return _ratio(self.fn, self.fn + self.tp)


def confusion(records: Iterable[Record]) -> Confusion:
    """Count the rows of all records together."""
    tp = fp = tn = fn = 0
    for record in records:
        tp += int((record.truth & record.alarm).sum())
        fp += int((~record.truth & record.alarm).sum())
        tn += int((~record.truth & ~record.alarm).sum())
        fn += int((record.truth & ~record.alarm).sum())
    return Confusion(tp, fp, tn, fn)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
