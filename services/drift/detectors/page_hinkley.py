"""Page and Hinkley's test: a change of the mean against what the stream's mean was until now."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import ArrayDetector, Slot, State
from services.drift.detectors.detector import Floats, require_within


class PageHinkley(ArrayDetector):
    """Two-sided cumulative sums of the distance from the stream's own mean since the reset.

    Literature: Page 1954, Continuous inspection schemes; Hinkley 1971, Inference about the change-point from cumulative
    sum tests; in stream mining Gama 2014, A survey on concept drift adaptation. Good where there is no reference
    period: it learns the level by itself. So it also learns a slow ramp, and a change that comes early. It raises as
    many false alarms as `cusum` where values depend on each other. State: 32 bytes a stream.

    Args:
        streams: d
        allowance: distance from the mean that is taken for nothing, in standard deviations.
    """

    name: ClassVar[str] = "page_hinkley"

    def __init__(self, streams: int, allowance: float = 0.25) -> None:
        super().__init__(streams, {name: Slot() for name in ("count", "mean", "up", "down")})
        require_within("allowance", allowance, 0)
        self.allowance = allowance

    def step(self, state: State, row: Floats) -> State:
        """Return mean and sums after a row, which is part of the mean."""
        count = state["count"] + 1
        mean = state["mean"] + (row - state["mean"]) / count
        return {
            "count": count,
            "mean": mean,
            "up": np.maximum(0.0, state["up"] + row - mean - self.allowance),
            "down": np.maximum(0.0, state["down"] - row + mean - self.allowance),
        }

    @property
    def statistic(self) -> Floats:
        """``[d]`` The larger sum, in standard deviations; NaN before the second value."""
        return np.where(self._state["count"] > 1, np.maximum(self._state["up"], self._state["down"]), np.nan)
