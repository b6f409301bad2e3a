"""Time on the wire: integer microseconds since 1970-01-01 UTC. The clock is a parameter, never a global."""

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
