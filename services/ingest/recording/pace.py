"""Pace of a replay: which frames are due, given their times and the clock's. Values in, values out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Later than any time on the bus.
_FOREVER = 2**63 - 1

Times = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pace:
    """The line between recorded time and the clock.

    Attributes:
        speed: recorded seconds per second; infinity means as fast as possible.
        first: recorded time of the first frame, microseconds.
        started: the clock's time at which the first frame is due, microseconds.
    """

    speed: float
    first: int
    started: int

    def due(self, time: int) -> int:
        """Return the clock's time at which the frame recorded at *time* is due."""
        return self.started + math.ceil((time - self.first) / self.speed)

    def due_times(self, times: Times) -> Times:
        """Return `due` of each of *times*, to the bit (Polars would multiply by the inverse of the speed)."""
        due: Times = np.ceil((times - self.first) / self.speed).astype(np.int64) + self.started
        return due

    def reached(self, now: int) -> int:
        """Return the youngest recorded time that is due at *now*."""
        if math.isinf(self.speed):
            return _FOREVER
        return self.first + math.floor((now - self.started) * self.speed)


def released(times: Times, done: int, reached: int, at_most: int) -> int:
    """Return how many of *times* (ascending) may be out, of which *done* already are.

    Args:
        times: recorded times of all frames at hand.
        done: frames that are out.
        reached: the youngest recorded time that is due.
        at_most: how many to release at once; frames of the same instant as the last one go with it.
    """
    due = int(np.searchsorted(times, reached, side="right"))
    count = min(max(due, done), done + at_most)
    return count if count in (0, done) else int(np.searchsorted(times, times[count - 1], side="right"))
