"""Which readings make one frame: one asset, one scan interval of event time, each tag once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.ingest.framing.times import Mask, Times
from services.ingest.framing.waiting import Numbers


@dataclass(frozen=True, slots=True)
class Groups:
    """Frames (m) of readings (n); frames of one lane stand side by side, in ascending time.

    A lane is an asset's live readings, or its historical ones.

    Attributes:
        of_row: each reading's frame.
        lane: each frame's lane.
        bucket: each frame's scan interval, counted from 1970.
        begun: when its first reading arrived.
    """

    of_row: Numbers
    lane: Numbers
    bucket: Numbers
    begun: Times

    def count(self, rows: Mask) -> Numbers:
        """Return how many of the chosen readings each frame has."""
        counted: Numbers = np.bincount(self.of_row[rows], minlength=len(self.lane))
        return counted

    def and_older(self, due: Mask) -> Mask:
        """Return the due frames, and all before them in their lanes: an asset's frames keep their order."""
        last = np.full(int(self.lane.max()) + 1, -1)
        index = np.arange(len(self.lane))
        np.maximum.at(last, self.lane[due], index[due])
        older: Mask = index <= last[self.lane]
        return older


def group(lane: Numbers, signal: Numbers, bucket: Numbers, received: Times) -> Groups:
    """Return the frames of readings (at least one), which are in the order of their arrival.

    A tag's second value in the same interval begins a second frame of that interval: no value replaces another.
    """
    order = np.lexsort((signal, bucket, lane))  # stable, so that equal ones stay in the order of arrival
    again = _run_position(lane[order], bucket[order], signal[order])
    occurrence = np.empty_like(again)
    occurrence[order] = again
    order = np.lexsort((occurrence, bucket, lane))
    begins = _changes(lane[order], bucket[order], occurrence[order])
    of_row = np.empty(len(order), np.int64)
    of_row[order] = np.cumsum(begins) - 1
    firsts = order[np.flatnonzero(begins)]
    begun = np.full(len(firsts), np.iinfo(np.int64).max)
    np.minimum.at(begun, of_row, received)
    return Groups(of_row, lane[firsts], bucket[firsts], begun)


def _changes(*columns: Numbers) -> Mask:
    """Return where a row differs from the one before it; the first does."""
    changed = np.zeros(len(columns[0]), np.bool_)
    changed[0] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _run_position(*columns: Numbers) -> Numbers:
    """Return each row's position among the equal rows that it stands beside."""
    begins = np.flatnonzero(_changes(*columns))
    index = np.arange(len(columns[0]))
    position: Numbers = index - np.repeat(begins, np.diff(np.append(begins, len(index))))
    return position
