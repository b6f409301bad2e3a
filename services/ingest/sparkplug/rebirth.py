"""When to ask an edge node for its births: soon, but never so often that the asking becomes the trouble."""

from __future__ import annotations


class RebirthPacing:
    """Paces the requests to one edge node; all times are microseconds.

    A request that is not answered is repeated after twice the wait of the one before. The waits start anew after a
    time without requests that is as long as the longest wait, so that two clients that fight over one edge node's name
    are not answered with a storm.

    Attributes:
        due: when the next request is to be sent; None when none is needed.

    Args:
        first: wait after the first request.
        limit: longest wait.
    """

    def __init__(self, first: int, limit: int) -> None:
        self.due: int | None = None
        self._first, self._limit = first, limit
        self._wait = first
        self._earliest = 0

    def ask(self, moment: int) -> None:
        """Want a request at *moment*, or as soon after it as the pace allows."""
        wanted = max(moment, self._earliest)
        self.due = wanted if self.due is None else min(self.due, wanted)

    def sent(self, now: int) -> None:
        """Take note that a request was just sent."""
        if now - self._earliest > self._limit:
            self._wait = self._first
        self._earliest = self.due = now + self._wait
        self._wait = min(2 * self._wait, self._limit)

    def satisfy(self) -> None:
        """Take note that no request is needed any more."""
        self.due = None
