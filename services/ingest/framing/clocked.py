"""Event times that no two frames of an asset share, as their ids are made of them."""

from __future__ import annotations

import numpy as np

from services.ingest.framing.times import Times
from services.ingest.framing.waiting import Numbers

#: Stretches of taken times that are remembered of each asset: 32 scans, if no two of its frames meet.
REMEMBERED = 32
_NEVER = -(2**62)


class TakenTimes:
    """Remembers the event times that each asset's newest frames have taken.

    Args:
        assets: how many assets there are.
    """

    def __init__(self, assets: int) -> None:
        #: Stretches of microseconds that are taken, from `first` to before `end`; the oldest is replaced next.
        self._first = np.full((assets, REMEMBERED), _NEVER, np.int64)
        self._end = np.full((assets, REMEMBERED), _NEVER, np.int64)
        self._oldest = np.zeros(assets, np.int64)

    def take(self, asset: Numbers, time: Times) -> Times:
        """Return an event time for each frame: its own, or the next microsecond that no other of its asset has.

        Values of one instant that arrive apart make several frames; without this they would be one event to
        everybody, and all but one would be lost.
        """
        time = time.copy()
        left = np.arange(len(asset))
        while len(left):
            # One frame of each asset at a time: those behind it must see what it took.
            _, heads = np.unique(asset[left], return_index=True)
            now = left[heads]
            time[now] = self._take(asset[now], time[now])
            left = np.delete(left, heads)
        return time

    def _take(self, asset: Numbers, time: Times) -> Times:
        """Take a time for one frame of each of several assets."""
        free, place = time.copy(), self._oldest[asset] % REMEMBERED
        while True:
            inside = (self._first[asset] <= free[:, None]) & (free[:, None] < self._end[asset])
            meets = np.flatnonzero(inside.any(axis=1))
            if not len(meets):
                break
            place[meets] = inside[meets].argmax(axis=1)
            free[meets] = self._end[asset[meets], place[meets]]
        moved = free != time
        self._first[asset[~moved], place[~moved]] = free[~moved]
        self._end[asset, place] = free + 1
        self._oldest[asset[~moved]] += 1
        return free
