"""CUSUM: cumulative sums of what is beyond an allowance, for the mean and for the variance."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import ArrayDetector, Slot, State
from services.drift.detectors.detector import Floats, require_within


class Cusum(ArrayDetector):
    """Two-sided CUSUM of the mean of standardised values.

    ``up = max(0, up + z - allowance)``, and the same downwards; the statistic is the larger. With independent normal
    values and an allowance of half a shift it is the quickest test of that shift for its rate of false alarms.

    Literature: Page 1954, Continuous inspection schemes; Moustakides 1986, Optimal stopping times for detecting changes
    in distributions. Good for small lasting shifts; blind to a change of the spread alone, and wrong about the rate of
    false alarms where values are not independent: give it the residuals of a whitening. State: 32 bytes a stream.
    """

    name: ClassVar[str] = "cusum"

    def __init__(self, streams: int, allowance: float = 0.5) -> None:
        super().__init__(streams, {name: Slot() for name in ("up", "down", "up_age", "down_age")})
        require_within("allowance", allowance, 0)
        self.allowance = allowance

    def step(self, state: State, row: Floats) -> State:
        """Return the sums after a row, and for how many rows each has been above 0."""
        up = np.maximum(0.0, state["up"] + row - self.allowance)
        down = np.maximum(0.0, state["down"] - row - self.allowance)
        return {
            "up": up,
            "down": down,
            "up_age": np.where(up > 0, state["up_age"] + 1, 0.0),
            "down_age": np.where(down > 0, state["down_age"] + 1, 0.0),
        }

    @property
    def statistic(self) -> Floats:
        """``[d]`` The larger sum, in standard deviations."""
        return np.asarray(np.maximum(self._state["up"], self._state["down"]))

    @property
    def age(self) -> Floats:
        """``[d]`` Values since the larger sum was last 0: since the change, as far as can be told (Hinkley 1971)."""
        is_up = self._state["up"] >= self._state["down"]
        return np.where(is_up, self._state["up_age"], self._state["down_age"])


class VarianceCusum(ArrayDetector):
    """Two-sided CUSUM of the variance of standardised values.

    Sums of the logarithms of the likelihood ratios of a variance *ratio* times as large, and as small, as the
    reference's; each begins again at 0 when it falls below.

    Literature: Hawkins 1981, A CUSUM for a scale parameter. Good for a sensor that grows noisy, or goes still; a shift
    of the mean raises it too. Heavy tails raise the rate of false alarms: a single value of 10 adds 25. State: 16 bytes
    a stream.
    """

    name: ClassVar[str] = "variance_cusum"

    def __init__(self, streams: int, ratio: float = 2.0) -> None:
        super().__init__(streams, {"wider": Slot(), "narrower": Slot()})
        require_within("ratio", ratio, 1)
        self.ratio = ratio

    def step(self, state: State, row: Floats) -> State:
        """Return the sums after a row."""
        return {
            "wider": np.maximum(0.0, state["wider"] + self._log_ratio(row, self.ratio)),
            "narrower": np.maximum(0.0, state["narrower"] + self._log_ratio(row, 1 / self.ratio)),
        }

    @property
    def statistic(self) -> Floats:
        """``[d]`` The larger sum, a logarithm of a likelihood ratio."""
        return np.asarray(np.maximum(self._state["wider"], self._state["narrower"]))

    @staticmethod
    def _log_ratio(row: Floats, ratio: float) -> Floats:
        return row * row * (1 - 1 / ratio) / 2 - math.log(ratio) / 2
