"""What a sink says to a delivery, and how HTTP says it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from andon.clock import SECOND, to_micros

#: Request Timeout and Too Many Requests (RFC 9110, RFC 6585): the same request can be taken later.
_LATER = frozenset({408, 429})
_LONGEST_WAIT = 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Taken:
    """It has it."""


@dataclass(frozen=True, slots=True)
class Later:
    """It has it not, or does not say so; trying again can help.

    Attributes:
        reason: in plain words.
        wait: how long it asks not to be tried, microseconds.
    """

    reason: str
    wait: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never take it."""

    reason: str


Answer = Taken | Later | Refused


def judge(status: int, retry_after: str | None, said: str, now: int) -> Answer:
    """Return what an HTTP response means.

    Args:
        status: its status code.
        retry_after: its header `Retry-After`.
        said: the beginning of its body, for a person.
        now: microseconds UTC.
    """
    if 200 <= status < 300:
        return Taken()
    reason = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status in _LATER or status >= 500:
        return Later(reason, wait_of(retry_after, now))
    if 300 <= status < 400:
        return Refused(f"HTTP {status}: redirects are not followed (correct `url`)")
    return Refused(reason)


def wait_of(retry_after: str | None, now: int) -> int:
    """Return the microseconds that a header `Retry-After` asks for: seconds or a date (RFC 9110, 10.2.3), else 0."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * SECOND, _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the parser tries numbers of any length
        return 0
    return max(0, min(to_micros(moment.replace(tzinfo=moment.tzinfo or UTC)) - now, _LONGEST_WAIT))
