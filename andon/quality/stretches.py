"""A batch in order of asset, with a slot for what is remembered before each asset's first row.

All rules look at rows of one asset in the order in which they arrived. So the rows are laid out asset by asset; what
former batches left behind stands in a slot of its own, the *head*, in front. "The sample before" is then the slot
before, whether it came in this batch or in another.

An asset that was silent for long starts afresh: where the ingest times of two rows that follow each other lie further
apart than a patience, a new *stretch* begins, and nothing is remembered across.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.quality.marks import Floats

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

#: An ingest time that is longer ago than any patience.
NEVER = -(2**60)
#: No time.
NONE = -1


@dataclass(frozen=True)
class Stretches:
    """The layout of one batch: n rows and k stretches make n + k slots.

    Attributes:
        order: (n) numbers of the batch's rows, by asset, then as they arrived.
        rows: (n) their slots.
        heads: (k) slot of each stretch's head.
        assets: (k) whose stretch it is, as an index.
        resumed: (k) whether it goes on with what is remembered of the asset.
        closing: (k) whether it is the asset's last in this batch, so that it is the one to be remembered.
    """

    order: Ints
    rows: Ints
    heads: Ints
    assets: Ints
    resumed: Mask
    closing: Mask

    @classmethod
    def of(cls, assets: Ints, ingest_time: Ints, remembered: Ints, patience: int) -> Stretches:
        """Lay out a batch.

        Args:
            assets: (n) index of each row's asset.
            ingest_time: (n) microseconds.
            remembered: ingest time of each asset's newest row before this batch, by index; `NEVER` for none.
            patience: longest silence, in microseconds of ingest time, that memory survives.
        """
        order = np.argsort(assets, kind="stable")
        asset, ingest = assets[order], ingest_time[order]
        first = changes(asset)
        before = np.where(first, remembered[asset], np.append(0, ingest[:-1]))
        silent = ingest - before > patience
        starts = first | silent
        owners = asset[starts]
        return cls(
            order=order,
            rows=np.arange(len(order)) + np.cumsum(starts),
            heads=np.flatnonzero(starts) + np.arange(len(owners)),
            assets=owners,
            resumed=~silent[starts],
            closing=changes(owners[::-1])[::-1],
        )

    @cached_property
    def last(self) -> Ints:
        """(k) last slot of each stretch."""
        return np.append(self.heads[1:], len(self.rows) + len(self.heads)) - 1

    @cached_property
    def number(self) -> Ints:
        """(n + k) which stretch a slot belongs to."""
        return np.repeat(np.arange(len(self.heads)), self.last - self.heads + 1)

    def lay_out(self, values: Ints, remembered: Ints, otherwise: int = NONE) -> Ints:
        """Return slots with *values* of the rows, and in the heads what is *remembered* by asset, or *otherwise*."""
        slots = np.empty(len(self.number), np.int64)
        slots[self.rows] = values[self.order]
        slots[self.heads] = np.where(self.resumed, remembered[self.assets], otherwise)
        return slots

    def lay_out_floats(self, values: Floats, remembered: Floats) -> Floats:
        """Return slots with *values* of the rows, and in the heads what is *remembered* by asset, or NaN."""
        slots = np.empty(len(self.number))
        slots[self.rows] = values[self.order]
        slots[self.heads] = np.where(self.resumed, remembered[self.assets], np.nan)
        return slots

    def lay_out_mask(self, values: Mask) -> Mask:
        """Return slots with *values* of the rows, and False in the heads."""
        slots = np.zeros(len(self.number), np.bool_)
        slots[self.rows] = values[self.order]
        return slots

    def in_row_order(self, slots: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return what the slots hold for the batch's rows, in the order of the batch."""
        values = np.empty(len(self.rows), slots.dtype)
        values[self.order] = slots[self.rows]
        return values

    def of_rows(self, values: Ints, slots: Ints) -> Ints:
        """Return *values* of the batch's rows that stand in *slots*, none of them a head."""
        found: Ints = values[self.order[slots - self.number[slots] - 1]]
        return found

    def newest(self, times: Ints) -> Ints:
        """Return for each slot the largest of *times* in its stretch so far, itself included."""
        if np.all((times[1:] >= times[:-1]) | changes(self.number)[1:]):
            return times
        slots = pl.DataFrame({"stretch": self.number, "time": times})
        return slots.select(pl.col("time").cum_max().over("stretch")).to_series().to_numpy()


def changes(values: Ints) -> Mask:
    """Return where a value differs from the one before it; so the first does."""
    begins = np.ones(len(values), np.bool_)
    begins[1:] = values[1:] != values[:-1]
    return begins
