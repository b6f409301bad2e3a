"""A record of the alert topic as what sinks are told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from andon.contracts import Alert, AlertState, DeadLetterReason, Origin
from andon.contracts.base import faults
from andon.plant import Plant
from andon.stream.codec import Record, traceparent_of
from andon.stream.stage import Rejected

_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Notification:
    """One change of an alert.

    Attributes:
        alert: the change.
        body: what sinks are sent: the event as it is on the bus (JSON).
        test: whether nothing happened and only the way is tried.
        trace: W3C trace context of the change, if it was given one.
    """

    alert: Alert
    body: bytes
    test: bool = False
    trace: str | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the same whenever the same change is told again."""
        return self.alert.id


def read_record(record: Record) -> Notification | Rejected:
    """Return what a record says, or why it says nothing."""
    body = record.value or b""
    try:
        alert = Alert.model_validate_json(body)
    except ValidationError as error:
        broken = any(finding["type"] == "json_invalid" for finding in error.errors(include_url=False))
        reason = DeadLetterReason.NOT_JSON if broken else DeadLetterReason.SCHEMA
        return Rejected(record.offset, reason, faults(error)[:_DETAIL_LENGTH])
    if not alert.id.isprintable():
        return Rejected(
            record.offset, DeadLetterReason.SCHEMA, f"id {alert.id!r} holds characters that no header takes"
        )
    if (record.key or b"").decode(errors="replace") != alert.asset:
        detail = f"key is {record.key!r}, but the event is about asset {alert.asset!r}"
        return Rejected(record.offset, DeadLetterReason.KEY_MISMATCH, detail)
    return Notification(alert, body, trace=traceparent_of(record))


def trial(plant: Plant, now: int) -> Notification:
    """Return a notification that says that it is a test, about the plant's first machine.

    Args:
        plant: the plant model.
        now: microseconds UTC.
    """
    asset, machine = next(iter(plant.assets.items()))
    name = f"{asset}@{now}:test"
    alert = Alert(
        id=name,
        asset=asset,
        time=now,
        ingest_time=now,
        origin=Origin.LIVE,
        alert=name,
        asset_class=machine.asset_class,
        state=AlertState.OPEN,
        severity="info",
        opened=now,
        since=now,
        message="This is a test of the way that alerts take: nothing is wrong.",
        inference=name,
    )
    return Notification(alert, orjson.dumps({"test": True, **alert.model_dump(mode="json")}), test=True)
