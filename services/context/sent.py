"""How far in event time the frames of each asset have been sent."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from andon.plant import Plant

#: A worker that has just begun knows too little of what the one before it has sent.
_LEARNS_S = 60.0
_UNKNOWN = 2**62


class Sent:
    """Written by the thread of the stage, read by others.

    Args:
        plant: its assets.
    """

    def __init__(self, plant: Plant) -> None:
        self._numbers = {asset: number for number, asset in enumerate(plant.assets)}
        self._until = np.full(len(self._numbers), -1, np.int64)
        self._knows_at = time.monotonic() + _LEARNS_S

    def note(self, asset: NDArray[np.int64], times: NDArray[np.int64]) -> None:
        """Take note of frames that are about to be sent: their assets' places in the plant model, and event times."""
        np.maximum.at(self._until, asset, times)

    def until(self, asset: str) -> int:
        """Return the newest event time sent of an asset; a far future where that is not known.

        Not known are assets that another worker sends, and all of them for the first minute.
        """
        newest = int(self._until[self._numbers[asset]])
        return _UNKNOWN if newest < 0 or time.monotonic() < self._knows_at else newest
