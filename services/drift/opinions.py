"""What people's verdicts say of a model on a machine: whether too few of its alerts are real. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from andon.contracts import Feedback, Verdict
from services.drift.detectors.verdicts import verdict_detector
from services.drift.finding import Finding

DETECTOR, SUBJECT = "verdicts", "precision"
#: Verdicts between false findings, on average at least, while the precision is what it should be.
_RUN_LENGTH = 100
_THRESHOLD = math.log1p(_RUN_LENGTH)


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict on an alert: when it was said, and whether the alert was real."""

    time: int
    real: bool


class Opinions:
    """The newest verdict on each alert that a model raised, by machine and version of the model.

    Told by one thread and asked by another: what a machine has is replaced whole. Made anew from the whole topic at
    each start, so it needs no state; who is unsure does not count.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], dict[str, Feedback]] = {}
        self._told: dict[tuple[str, str], tuple[Opinion, ...]] = {}

    def take(self, feedback: Feedback) -> None:
        """Take what a person said, perhaps once more."""
        if feedback.model is None or feedback.verdict in (None, Verdict.UNSURE):
            return
        key = feedback.asset, feedback.model.version
        known = self._newest.setdefault(key, {})
        before = known.get(feedback.alert)
        if before is not None and (before.time, before.revision) >= (feedback.time, feedback.revision):
            return
        known[feedback.alert] = feedback
        told = sorted(known.values(), key=lambda each: (each.time, each.alert))
        self._told[key] = tuple(Opinion(each.time, each.verdict is Verdict.REAL) for each in told)

    def about(self, asset: str, version: str) -> tuple[Opinion, ...]:
        """Return the verdicts on a machine's alerts by a model, in the order of their times."""
        return self._told.get((asset, version), ())


def weighed(asset: str, opinions: tuple[Opinion, ...], precision: float, time: int, regime: str) -> Finding:
    """Return what verdicts say: a finding that has begun, or is over.

    Args:
        asset: the machine.
        opinions: at least one.
        precision: least share of real alerts that there should be.
        time: end of the window at which it is asked, microseconds.
        regime: of that window.
    """
    detector = verdict_detector(1, precision)
    detector.update(np.array([[0.0 if each.real else 1.0] for each in opinions]))
    statistic = float(detector.statistic[0])
    age = min(len(opinions), max(1, math.ceil(np.nan_to_num(detector.age[0], nan=1.0))))
    return Finding(
        asset=asset,
        detector=DETECTOR,
        subject=SUBJECT,
        active=statistic >= _THRESHOLD,
        time=time,
        since=min(opinions[-age].time, time),
        statistic=statistic,
        threshold=_THRESHOLD,
        e_value=math.expm1(statistic) / len(opinions),
        shift=None,
        regime=regime,
    )
