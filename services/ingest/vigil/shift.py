"""Moments that are remembered when the clock is set."""

from __future__ import annotations

import numpy as np

from services.ingest.framing.times import NO_TIME, Times


def shifted(moments: Times, by: int, now: int) -> Times:
    """Return moments of the clock before it was set, as they are by the clock now.

    Some may have been taken since it was set: those are left where they are.

    Args:
        moments: microseconds; `NO_TIME` for none.
        by: how far the clock was set, microseconds.
        now: what it says now; none of the moments is truly later.
    """
    moved = np.minimum(moments + by, now) if by > 0 else np.where(moments > now, moments + by, moments)
    return np.where(moments == NO_TIME, moments, moved)
