"""Time on the wire: integer microseconds since 1970-01-01 UTC. The clock is a parameter, never a global.

What is said to others has the time of the wire. How long something has lasted is counted by a clock that never steps,
or with an eye on `Steps`: the machine's own clock is set now and then, by NTP or by hand, by an hour as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

#: Reads the current time, microseconds UTC.
Clock = Callable[[], int]

SECOND = 1_000_000
MILLISECOND = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def wall_clock() -> int:
    """Return the machine's time, microseconds UTC."""
    return time.time_ns() // 1_000


def steady_clock() -> int:
    """Return the time of a clock that never steps, microseconds since whenever."""
    return time.monotonic_ns() // 1_000


class Steps:
    """Notices when the clock is set: it and one that never steps then tell different spans.

    Args:
        wall: the clock that may be set, microseconds UTC.
        steady: the one that never steps, microseconds.
    """

    #: What two looks at two clocks may differ by when nothing was set.
    TOLERANCE = SECOND // 2

    def __init__(self, wall: Clock = wall_clock, steady: Clock = steady_clock) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = wall() - steady()

    def look(self) -> tuple[int, int]:
        """Return the time, and by how much it was set since the last look, microseconds; 0 when it was not."""
        now = self._wall()
        before, self._ahead = self._ahead, now - self._steady()
        step = self._ahead - before
        return now, step if abs(step) > self.TOLERANCE else 0


def isoformat(moment: int) -> str:
    """Return *moment* (microseconds UTC) as ISO 8601, for people."""
    return datetime.fromtimestamp(moment / SECOND, tz=UTC).isoformat(timespec="milliseconds")


def to_datetime(micros: int) -> datetime:
    """Return a time of the wire as a datetime in UTC, exactly.

    Raises:
        OverflowError: it lies before year 1 or after 9999.
    """
    return _EPOCH + micros * _MICROSECOND


def to_micros(moment: datetime) -> int:
    """Return a datetime, which must have a time zone, as a time of the wire."""
    return (moment - _EPOCH) // _MICROSECOND
