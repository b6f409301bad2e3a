"""How fast to drain. Pure: the time is a parameter, in seconds of any steady clock."""

from __future__ import annotations

import math

#: Time in which the meter forgets two thirds of what it has seen.
_MEMORY_S = 5.0
_CREDIT_S = 0.25


class RateMeter:
    """The present rate of something that is counted, exponentially weighted."""

    def __init__(self) -> None:
        self._rate, self._at = 0.0, 0.0

    def add(self, count: int, now: float) -> None:
        """Count."""
        self._rate, self._at = self.rate(now) + count / _MEMORY_S, now

    def rate(self, now: float) -> float:
        """Return events a second."""
        return self._rate * math.exp(-max(now - self._at, 0.0) / _MEMORY_S)


class Pace:
    """Spaces deliveries so that their rate is what it should be; a moment of lost time is made up for."""

    def __init__(self) -> None:
        self._due = 0.0

    def delay(self, now: float) -> float:
        """Return seconds to wait before the next delivery."""
        return max(self._due - now, 0.0)

    def spend(self, count: int, rate: float, now: float) -> None:
        """Take note that *count* events went, which at *rate* events a second have their time."""
        self._due = max(self._due, now - _CREDIT_S) + count / rate
