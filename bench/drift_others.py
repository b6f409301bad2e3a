"""The usual detectors, from River, with their parameter set for a false-alarm rate; and two that are no use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from river.drift import ADWIN, KSWIN, PageHinkley


class Detector(Protocol):
    """What River's detectors have in common."""

    @property
    def drift_detected(self) -> bool:
        """Whether the last sample raised an alarm."""

    def update(self, x: float) -> object:
        """Take one sample in."""


@dataclass
class Constant:
    """Fires always, or never."""

    drift_detected: bool

    def update(self, x: float) -> object:
        """Look away."""
        return self


@dataclass(frozen=True, slots=True)
class Other:
    """A detector with the parameter that sets its false-alarm rate."""

    name: str
    parameter: str
    make: Callable[[], Detector]
    slow: bool = False
    """Whether a sample costs it so much that it is given fewer."""


#: Parameters at which each raises about one false alarm in 10,000 samples of an AR(1) process with phi .9, as
#: `python -m bench.drift` shows. Page-Hinkley comes twice: with River's allowance for the mean, and with the one that
#: is best for a shift by one standard deviation, half of that, which one would have to know beforehand. KSWIN
#: has twice its usual windows: with those, samples that share none of their values are too common for any alpha.
OTHERS = (
    Other("ADWIN", "delta 1e-23", lambda: ADWIN(delta=1e-23)),
    Other("Page-Hinkley", "threshold 490", lambda: PageHinkley(threshold=490)),
    Other("Page-Hinkley, tuned to 1 sd", "threshold 150", lambda: PageHinkley(threshold=150, delta=0.5)),
    Other("KSWIN", "alpha 1e-24", lambda: KSWIN(alpha=1e-24, window_size=200, stat_size=60, seed=0), slow=True),
)
TRIVIAL = (
    Other("always fires", "", lambda: Constant(drift_detected=True)),
    Other("never fires", "", lambda: Constant(drift_detected=False)),
)


def alarms(detector: Detector, samples: Iterable[float]) -> int:
    """Return how many alarms a detector raises."""
    count = 0
    for sample in samples:
        detector.update(sample)
        count += detector.drift_detected
    return count


def first_alarm(detector: Detector, samples: Iterable[float]) -> int | None:
    """Return the number of the sample with which a detector raises its first alarm, from 1; None without one."""
    for number, sample in enumerate(samples, start=1):
        detector.update(sample)
        if detector.drift_detected:
            return number
    return None
