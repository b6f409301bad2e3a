"""The signature of a webhook's delivery: HMAC-SHA256 (RFC 2104) over time and body. Pure."""

from __future__ import annotations

import hashlib
import hmac

from andon.clock import SECOND


def signature(secret: str, body: bytes, now: int) -> str:
    """Return the value of the header `X-Andon-Signature`: ``t=<seconds since 1970>,v1=<hexadecimal digest>``.

    The time is signed, too, so that a receiver can refuse what was recorded earlier and is played again.

    Args:
        secret: known to both sides.
        body: what is sent.
        now: microseconds UTC.
    """
    seconds = now // SECOND
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={digest.hexdigest()}"
