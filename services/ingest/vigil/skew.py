"""How far a source's clock is from ours."""

from __future__ import annotations

from collections import deque

from andon.clock import SECOND

_CELL = 10 * SECOND
_CELLS = 30


class Skew:
    """Estimates one source's clock minus ours, from what it says and when that arrives.

    A reading is on its way for some time, so its source time minus its arrival is the skew less the latency: the
    largest of these differences over the last five minutes is closest to the truth, and below it by the smallest
    latency. (The minimum filter of NTP, RFC 5905, section 10, one way.) A value that was measured long before it was
    sent makes a difference smaller, and so does no harm.
    """

    def __init__(self) -> None:
        self._cells: deque[tuple[int, int]] = deque(maxlen=_CELLS)

    def note(self, ahead: int, now: int) -> None:
        """Take note of the largest source time minus arrival of readings that arrived about *now* (microseconds)."""
        cell = now // _CELL
        if self._cells and self._cells[-1][0] == cell:
            ahead = max(ahead, self._cells.pop()[1])
        self._cells.append((cell, ahead))

    @property
    def seconds(self) -> float | None:
        """The source's clock minus ours, less the smallest latency; None before the first reading."""
        return max(ahead for _, ahead in self._cells) / SECOND if self._cells else None
