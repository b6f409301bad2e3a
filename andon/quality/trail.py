"""What rules that need the past know of an asset's frames: which are in order, and from where on they are needed.

Only frames in order are judged and remembered: those whose event time lies behind none that the asset has sent before,
and that the clock at its ingest could believe. Frames that come late are neither, so they cause no false marks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.quality.arrivals import Arrivals
from andon.quality.rules import CELLS_BACK
from andon.quality.stretches import NEVER, NONE, Ints, Mask, Stretches, changes

#: The current cell and those before it that judgements are made of.
CELLS = CELLS_BACK + 1


@dataclass(frozen=True, slots=True)
class Layout:
    """A batch by asset.

    Attributes:
        stretches: its slots.
        time: (slots) event time; `NONE` where it is not believed.
        newest: (slots) the asset's newest event time so far.
        in_order: (slots) whether it is a frame that is newer than all before.
    """

    stretches: Stretches
    time: Ints
    newest: Ints
    in_order: Mask


class Trail:
    """Remembers each asset's newest frame, and the first offset in each of its last cells of event time.

    Args:
        cell: length of a cell, microseconds; memory spans the current one and those before it.
        patience: longest silence, in microseconds of ingest time, that memory survives.
        assets: how many assets there are.
        back: how many cells before the current one.
    """

    def __init__(self, cell: int, patience: int, assets: int, back: int = CELLS_BACK) -> None:
        self._length, self._patience, self._back = cell, patience, back
        self._ingest_time = np.full(assets, NEVER, np.int64)
        self._newest = np.full(assets, NONE, np.int64)
        self._cell = np.full((assets, back + 1), NEVER, np.int64)
        self._first_offset = np.zeros((assets, back + 1), np.int64)

    def lay_out(self, arrivals: Arrivals) -> Layout:
        """Bring a batch in order of asset."""
        stretches = Stretches.of(arrivals.asset, arrivals.ingest_time, self._ingest_time, self._patience)
        time = stretches.lay_out(np.where(arrivals.believable, arrivals.time, NONE), self._newest)
        newest = stretches.newest(time)
        in_order = np.append(True, time[1:] > newest[:-1])
        in_order[stretches.heads] = False
        return Layout(stretches, time, newest, in_order)

    def remember(self, layout: Layout, arrivals: Arrivals) -> None:
        """Keep each asset's newest times, and the first offset in each of its last cells."""
        stretches, newest = layout.stretches, layout.newest
        cell = newest // self._length
        begins = np.flatnonzero(layout.in_order & changes(cell))
        assets, place = stretches.assets[stretches.number[begins]], cell[begins] % (self._back + 1)
        self._cell[assets, place] = cell[begins]  # of several that share a place, the last is kept
        self._first_offset[assets, place] = stretches.of_rows(arrivals.offset, begins)
        assets, last = stretches.assets[stretches.closing], stretches.last[stretches.closing]
        self._newest[assets] = newest[last]
        self._ingest_time[assets] = stretches.of_rows(arrivals.ingest_time, last)

    def needed_from(self, clock: int) -> int | None:
        """Return the first offset that memory is made of; None if nothing is remembered.

        Args:
            clock: the newest ingest time of the partition. An asset that has been silent for twice the patience will
                start afresh whatever it sends, so its memory is not needed any more.
        """
        newest_cell = (self._newest // self._length)[:, None]
        awake = (clock - self._ingest_time <= 2 * self._patience) & (self._newest != NONE)
        needed = awake[:, None] & (self._cell >= newest_cell - self._back) & (self._cell <= newest_cell)
        return int(self._first_offset[needed].min()) if needed.any() else None
