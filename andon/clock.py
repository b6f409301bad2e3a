"""Time on the wire: integer microseconds since 1970-01-01 UTC. The clock is a parameter, never a global."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

#: Reads the current time, microseconds UTC.
Clock = Callable[[], int]

SECOND = 1_000_000
MILLISECOND = 1_000


def wall_clock() -> int:
    """Return the machine's time, microseconds UTC."""
    return time.time_ns() // 1_000


def isoformat(moment: int) -> str:
    """Return *moment* (microseconds UTC) as ISO 8601, for people."""
    return datetime.fromtimestamp(moment / SECOND, tz=UTC).isoformat(timespec="milliseconds")
