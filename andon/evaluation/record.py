"""What is judged: a stretch of one machine's record with the truth beside what a detector said of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Record:
    """Rows of one machine in order of time, n of them, at a constant rate.

    A detector is causal: what it says of a row may depend on that row and those before it only.

    Attributes:
        truth: ``[n]`` whether the machine was abnormal.
        score: ``[n]`` the higher, the more abnormal; comparable between the records that are judged together, so
            divided by the threshold where every record has its own.
        alarm: ``[n]`` whether the detector raised an alarm.
    """

    truth: Bools
    score: Floats
    alarm: Bools

    def __post_init__(self) -> None:
        if not len(self.truth) == len(self.score) == len(self.alarm):
            lengths = f"{len(self.truth)}, {len(self.score)} and {len(self.alarm)}"
            raise ValueError(f"truth, score and alarm have {lengths} rows: give one of each for every row")
        if np.isnan(self.score).any():
            raise ValueError("a score is NaN: a row without a verdict has score 0 and no alarm")


def intervals(mask: Bools) -> Ints:
    """Return the runs of True in *mask* as ``[k, 2]`` rows of first and last-plus-one index."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)
