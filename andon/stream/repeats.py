"""Telling records that were sent again from others.

Delivery is at least once, so a source or an upstream service that starts again repeats some of what it sent. An event
is named by its asset, event time and revision. Remembering these costs nothing but columns that are there anyway; only
the question costs, and it is asked only of records that are not newer than what their asset has sent.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
import polars as pl

#: Records remembered per asset class and partition. A restarted service repeats about a second of records.
DEPTH = 200_000
#: Small batches are put together when so many wait, or when they make up this part of the depth.
_TAIL, _BLOCKS = 256, 16
_NAME = ["asset", "time", "revision"]

Mask = npt.NDArray[np.bool_]


class Remembered:
    """Remembers which records came lately.

    Args:
        depth: how many, at least.
    """

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._height = 0
        self._blocks: deque[pl.DataFrame] = deque()
        self._tail: list[pl.DataFrame] = []

    def add(self, records: pl.DataFrame) -> None:
        """Remember records (columns asset, time, revision); forget the oldest beyond the depth."""
        self._tail.append(records[_NAME])
        self._height += records.height
        if len(self._tail) >= _TAIL or sum(part.height for part in self._tail) * _BLOCKS >= self._depth:
            # Polls of a slow stream hold a few records each: as thousands of frames they would take 100 times the room.
            self._blocks.append(pl.concat(self._tail, rechunk=True))
            self._tail.clear()
        while self._blocks and self._height - self._blocks[0].height >= self._depth:
            self._height -= self._blocks.popleft().height

    def among(self, records: pl.DataFrame) -> Mask:
        """Return for each record whether it is remembered."""
        if not records.height:
            return np.zeros(0, bool)
        not_older = pl.col("time") >= records["time"].min()
        recent = [part for each in (*self._blocks, *self._tail) if (part := each.filter(not_older)).height]
        if not recent:
            return np.zeros(records.height, bool)
        known = pl.concat(recent).unique().with_columns(known=True)
        found = records.select(_NAME).join(known, on=_NAME, how="left", maintain_order="left")
        remembered: Mask = found["known"].fill_null(value=False).to_numpy()
        return remembered


def again(records: pl.DataFrame) -> Mask:
    """Return for each record (columns asset, time, revision) whether one before it has its name."""
    first: Mask = records.select(pl.struct(_NAME).is_first_distinct()).to_series().to_numpy()
    return ~first


class Repeats:
    """Finds records that repeat earlier ones of a log.

    Args:
        assets: how many assets there are.
        depth: records remembered, at least.
    """

    def __init__(self, assets: int, depth: int = DEPTH) -> None:
        self._newest = np.full(assets, -1, np.int64)
        self._remembered = Remembered(depth)

    def find(self, records: pl.DataFrame) -> Mask:
        """Return for each record whether it repeats an earlier one of this batch or of those before.

        Args:
            records: columns asset (its index), time and revision, in the log's order.
        """
        asset, time = records["asset"].to_numpy(), records["time"].to_numpy()
        repeated = again(records)
        old = np.flatnonzero(time <= self._newest[asset])
        repeated[old] |= self._remembered.among(records[old])
        np.maximum.at(self._newest, asset, time)
        self._remembered.add(records.filter(~repeated) if repeated.any() else records)
        return repeated
