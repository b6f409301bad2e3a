"""Times of other systems -> microseconds UTC, those without a time zone across both switches of the clocks. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from enum import IntEnum

from andon.clock import to_micros


class Showing(IntEnum):
    """Which of two moments a clock time means that is shown twice when the clocks go back."""

    FIRST = 0
    SECOND = 1


class MomentError(ValueError):
    """A text is no time that can be used."""


def moment(text: str, zone: tzinfo | None, showing: Showing = Showing.FIRST) -> int:
    """Return microseconds since 1970 UTC of a time as PostgreSQL writes it (ISO 8601).

    A time that the clocks skip counts as if they had not been put forward yet: 02:30 is 03:30 then (PEP 495).

    Args:
        text: the time.
        zone: its time zone when it names no offset.
        showing: which one is meant of a clock time that there is twice.

    Raises:
        MomentError: it is no time, or has neither offset nor zone.
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise MomentError(f"{text!r} is no time") from None
    if parsed.tzinfo is None:
        if zone is None:
            raise MomentError(f"{text!r} has no time zone (add `time_zone` to the table's mapping)")
        parsed = parsed.replace(tzinfo=zone, fold=showing)
    return _since_epoch(parsed, text)


def _since_epoch(parsed: datetime, text: str) -> int:
    try:
        return to_micros(parsed.astimezone(UTC))
    except OverflowError:
        raise MomentError(f"{text!r} lies too far away") from None


def span(start: str, end: str | None, zone: tzinfo | None) -> tuple[int, int | None]:
    """Return start and end; an end that would lie before its start is the later one of two equal clock times.

    Raises:
        MomentError: one of them is no time that can be used.
    """
    begun = moment(start, zone)
    if end is None:
        return begun, None
    ended = moment(end, zone)
    return begun, ended if ended >= begun else max(ended, moment(end, zone, Showing.SECOND))
