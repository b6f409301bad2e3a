"""Telling a topic that was deleted and made anew: it ends before what was read of it."""

from __future__ import annotations

import time
from collections.abc import Callable


class Renewal:
    """Looks at the ends of a topic's partitions.

    A leader that was just elected may for a moment state an end that is too early, so it has to stay there for a while.

    Args:
        patience_s: for how long, seconds.
        clock: seconds, of a clock that never steps.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s, self._clock = patience_s, clock
        self._since: dict[int, float] = {}

    def is_seen(self, number: int, reached: int, end: int | None) -> bool:
        """Return whether partition *number* ends before the offset that was *reached*, and has done so for a while.

        Args:
            number: the partition.
            reached: offset up to which (exclusive) it was read.
            end: its end as the broker states it; None when that is not known.
        """
        if end is None or end >= reached:
            self.forget(number)
            return False
        now = self._clock()
        return now - self._since.setdefault(number, now) >= self._patience_s

    def forget(self, number: int) -> None:
        """Take back a partition that was given away."""
        self._since.pop(number, None)
