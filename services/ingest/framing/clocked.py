"""Event times that no two frames of an asset share, as their ids are made of them."""

from __future__ import annotations

import numpy as np

from services.ingest.framing.times import Times
from services.ingest.framing.waiting import Numbers

#: Event times that are remembered of each asset.
_REMEMBERED = 8


class TakenTimes:
    """Remembers the event times that each asset's newest frames have taken."""

    def __init__(self) -> None:
        #: Per asset: a time that is taken, and from which time on to look for the next one that is free.
        self._taken: dict[int, dict[int, int]] = {}

    def take(self, asset: Numbers, time: Times) -> Times:
        """Return an event time for each frame: its own, or the next microsecond that no other of its asset has.

        Values of one instant that arrive apart make several frames; without this they would be one event to
        everybody, and all but one would be lost.
        """
        # per-event Python: each may move those behind it; a dictionary look-up or two
        pairs = zip(asset.tolist(), time.tolist(), strict=True)
        return np.fromiter((self._take(each, moment) for each, moment in pairs), np.int64, len(asset))

    def _take(self, asset: int, time: int) -> int:
        taken = self._taken.setdefault(asset, {})
        free = time
        while free in taken:
            free = taken[free]
        if free != time:
            taken.pop(time)  # so that it counts as the newest
            taken[time] = free + 1
        taken[free] = free + 1
        while len(taken) > _REMEMBERED:
            del taken[next(iter(taken))]
        return free
