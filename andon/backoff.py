"""How long to wait before the next attempt to connect."""

from __future__ import annotations

import random

from andon.clock import MILLISECOND, SECOND


class Backoff:
    """Exponential backoff with jitter: waits double up to a limit, and each is drawn from the upper half of its span.

    The jitter keeps a hundred sources from knocking together when a switch comes back ("Exponential Backoff And
    Jitter", M. Brooker, 2015: equal jitter).

    Args:
        first: the first wait at most, microseconds.
        limit: the longest wait, microseconds.
        rng: source of randomness.
    """

    def __init__(
        self, *, first: int = 200 * MILLISECOND, limit: int = 30 * SECOND, rng: random.Random | None = None
    ) -> None:
        self._first, self._limit = first, limit
        self._rng = rng or random.Random()  # noqa: S311 - no secret
        self._attempts = 0

    def next(self) -> int:
        """Return how long to wait now, microseconds."""
        span = min(self._first << min(self._attempts, 40), self._limit)
        self._attempts += 1
        return span // 2 + self._rng.randint(0, span // 2)

    def reset(self) -> None:
        """Begin anew: the connection has proved itself."""
        self._attempts = 0
