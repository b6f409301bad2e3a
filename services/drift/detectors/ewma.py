"""EWMA: exponentially weighted moving averages, of the values and of their squares."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import ArrayDetector, Slot, State
from services.drift.detectors.detector import Floats, require_within

#: Share of the newest value in the average, of old: Lucas and Saccucci 1990 recommend .05 to .25.
WEIGHT = 0.1


class Ewma(ArrayDetector):
    """Control chart of the exponentially weighted mean of standardised values.

    The statistic is the mean's distance from 0 in its own standard errors, of as many values as there were, so that the
    chart needs no time to start. It goes back by itself once the values do.

    Literature: Roberts 1959, Control chart tests based on geometric moving averages; Lucas and Saccucci 1990. Good for
    shifts that come and go, and to look at: it says where the level is now. Slower than `cusum` for small shifts; as
    wrong as it about values that depend on each other. State: 16 bytes a stream.
    """

    name: ClassVar[str] = "ewma"

    def __init__(self, streams: int, weight: float = WEIGHT) -> None:
        super().__init__(streams, {"mean": Slot(), "forgotten": Slot(start=1.0)})
        require_within("weight", weight, 0, 1)
        self.weight = weight

    def step(self, state: State, row: Floats) -> State:
        """Return the average after a row, and the weight that the start still has in it."""
        keep = 1 - self.weight
        return {"mean": keep * state["mean"] + self.weight * row, "forgotten": keep * state["forgotten"]}

    @property
    def statistic(self) -> Floats:
        """``[d]`` Distance of the mean from 0 in its standard errors; NaN before the first value."""
        return _in_errors(np.abs(self._state["mean"]), self.weight, self._state["forgotten"])


class VarianceEwma(ArrayDetector):
    """Control chart of the exponentially weighted mean square of standardised values.

    The statistic is the mean square's distance from 1, in the standard errors that it has with normal values.

    Literature: MacGregor and Harris 1993, The exponentially weighted moving variance. Good for noise that comes and
    goes; a shift of the mean raises it too, heavy tails as well. State: 16 bytes a stream.
    """

    name: ClassVar[str] = "variance_ewma"

    def __init__(self, streams: int, weight: float = WEIGHT) -> None:
        super().__init__(streams, {"square": Slot(start=1.0), "forgotten": Slot(start=1.0)})
        require_within("weight", weight, 0, 1)
        self.weight = weight

    def step(self, state: State, row: Floats) -> State:
        """Return the average square after a row, and the weight that the start still has in it."""
        keep = 1 - self.weight
        return {"square": keep * state["square"] + self.weight * row * row, "forgotten": keep * state["forgotten"]}

    @property
    def statistic(self) -> Floats:
        """``[d]`` Distance of the mean square from 1 in its standard errors; NaN before the first value."""
        return _in_errors(np.abs(self._state["square"] - 1) / np.sqrt(2), self.weight, self._state["forgotten"])


def _in_errors(distance: Floats, weight: float, forgotten: Floats) -> Floats:
    """Return a distance over the standard error of a weighted mean of independent values of variance 1."""
    variance = weight / (2 - weight) * (1 - forgotten**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, distance / np.sqrt(variance), np.nan)
