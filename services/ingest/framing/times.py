"""Which time a reading was taken at, when the source's own word for it cannot be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: Stands for "none given". Earlier than `EARLIEST`, so it is never believed.
NO_TIME = -(2**63)
#: 2000-01-01T00:00:00Z. What claims to be older was never set: OPC UA's null is 1601, Unix clocks begin in 1970.
EARLIEST = 946_684_800_000_000
#: 10000-01-01T00:00:00Z, which no calendar has: nanoseconds that are taken for microseconds come to lie behind it.
END_OF_TIME = 253_402_300_800_000_000


class Future(StrEnum):
    """What becomes of a reading whose time is further ahead of our clock than the tolerance."""

    REFUSE = "refuse"
    """A dead letter with reason future_time: until somebody corrects the clock, nothing wrong is learned from it."""
    ARRIVAL = "arrival"
    """It counts as measured when it arrived; the metric andon_source_times_replaced_total counts it."""
    KEEP = "keep"
    """The source is believed; the context stage has a tolerance of its own."""


@dataclass(frozen=True, slots=True)
class Dated:
    """Times of readings (n).

    Attributes:
        time: event times, microseconds UTC.
        server: server times; `NO_TIME` where there is none.
        absent: readings without a time of their own.
        absurd: readings whose time was never set.
        ahead: readings from the future.
    """

    time: Times
    server: Times
    absent: Mask
    absurd: Mask
    ahead: Mask


def as_times(given: Sequence[int | None]) -> Times:
    """Return times as an array, `NO_TIME` where there is none; one beyond 64 bits is `END_OF_TIME`, or 1970 - 1 us."""
    try:
        return np.fromiter((NO_TIME if time is None else time for time in given), np.int64, len(given))
    except OverflowError:
        return as_times([None if time is None else min(max(time, -1), END_OF_TIME) for time in given])


def _is_believable(times: Times) -> Mask:
    believable: Mask = (times >= EARLIEST) & (times < END_OF_TIME)
    return believable


def date(source: Times, server: Times, received: Times, policy: Future, tolerance: int) -> Dated:
    """Choose each reading's event time: the source's; if that cannot be true the server's, else that of its arrival.

    Args:
        source: by the machine's clock; `NO_TIME` where the source gave none.
        server: by the server's clock; likewise.
        received: by this machine's clock.
        policy: for times ahead of `received` by more than *tolerance*.
        tolerance: microseconds.
    """
    latest = received + tolerance
    believable = _is_believable(source)
    absent, ahead = source == NO_TIME, believable & (source > latest)
    stand_in = np.where((server >= EARLIEST) & (server <= latest), server, received)
    time = np.where(believable, source, stand_in)
    if policy is Future.ARRIVAL:
        time = np.where(ahead, received, time)
    server = np.where(_is_believable(server), server, NO_TIME)
    return Dated(time, server, absent, ~believable & ~absent, ahead)
