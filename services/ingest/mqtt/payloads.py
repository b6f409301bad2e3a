"""Bodies of MQTT messages -> named values with their times. Bytes in, values out; every failure has a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from andon.clock import to_micros
from andon.contracts import DeadLetterReason
from services.ingest.readings import GOOD

_UNITS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
#: Beyond it no number is a time that the contracts can hold.
_LAST_MICROS = 2**53
#: JSON that is nested deeper is none of these payloads.
_DEEPEST = 32
_UINT32 = 2**32


class PayloadError(Exception):
    """A body cannot be used.

    Attributes:
        reason: the reason code.
    """

    def __init__(self, reason: DeadLetterReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sample:
    """A value with its name in the body; the name is empty where the body has none."""

    name: str
    value: Any
    source_time: int | None
    server_time: int | None = None
    status: int = GOOD


def load(body: bytes) -> Any:
    """Parse JSON.

    Raises:
        PayloadError: it is none (NaN and infinities are no JSON either).
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise PayloadError(DeadLetterReason.MALFORMED, f"the body is no JSON: {error}") from None


def parse_time(value: Any, form: str) -> int:
    """Return a time in microseconds UTC.

    Args:
        value: text for `iso`, a number for the others.
        form: iso, epoch_s, epoch_ms or epoch_us.

    Raises:
        PayloadError: it is no such time.
    """
    if form == "iso":
        return _iso(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PayloadError(DeadLetterReason.SCHEMA, f"the time {value!r} is no number, as {form} asks for")
    found = value * _UNITS[form]  # a float may have become infinite, which cannot be rounded
    if not -_LAST_MICROS <= found <= _LAST_MICROS:
        raise PayloadError(DeadLetterReason.SCHEMA, f"the time {value!r} is none in {form}")
    return round(found)


def _iso(value: Any) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise PayloadError(DeadLetterReason.SCHEMA, f"the time {value!r} is no ISO 8601 time") from None
    try:
        return to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except OverflowError:
        raise PayloadError(DeadLetterReason.SCHEMA, f"the time {value!r} is out of range") from None


def pointer(path: str) -> tuple[str, ...]:
    """Return the steps of a JSON pointer (RFC 6901)."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])


def at(document: Any, steps: tuple[str, ...]) -> Any:
    """Return what is at a pointer's place.

    Raises:
        KeyError: nothing is there.
    """
    for step in steps:
        if isinstance(document, dict):
            document = document[step]
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            raise KeyError(step)
    return document


def flat(document: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the scalars of an object; names of inner ones are joined by dots.

    Raises:
        PayloadError: it is nested too deeply.
    """
    if depth > _DEEPEST:
        raise PayloadError(DeadLetterReason.SCHEMA, f"the body is nested deeper than {_DEEPEST} levels")
    for name, value in document.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.", depth + 1)
        else:
            yield f"{prefix}{name}", value


def umh(document: Any) -> Iterator[Sample]:
    """Yield the samples of the United Manufacturing Hub's payload; `value` has no name but its topic's.

    Raises:
        PayloadError: it is no object with `timestamp_ms`.
    """
    if not isinstance(document, dict) or "timestamp_ms" not in document:
        raise PayloadError(DeadLetterReason.SCHEMA, "the body is no object with `timestamp_ms`")
    time = parse_time(document["timestamp_ms"], "epoch_ms")
    for name, value in flat({name: value for name, value in document.items() if name != "timestamp_ms"}):
        yield Sample("" if name == "value" else name, value, time)


def opcua(document: Any) -> Iterator[Sample]:
    """Yield the samples of OPC UA PubSub JSON: network messages, dataset messages, or OPC Publisher's samples.

    Keep-alives hold none. Times and status codes are kept as they are.

    Raises:
        PayloadError: it is none of these, or an event or a condition, of which no sample can be made.
    """
    for message in document if isinstance(document, list) else [document]:
        if not isinstance(message, dict):
            raise PayloadError(DeadLetterReason.SCHEMA, f"the body holds {type(message).__name__}, no message")
        if "Messages" in message:
            inner = message["Messages"]
            for dataset in inner if isinstance(inner, list) else [inner]:
                yield from _dataset(dataset)
        elif "Payload" in message or str(message.get("MessageType", "")).startswith("ua-"):
            yield from _dataset(message)
        elif "NodeId" in message and "Value" in message:
            yield _monitored(message)
        else:
            raise PayloadError(DeadLetterReason.SCHEMA, "the body is no OPC UA PubSub message: no Messages, no Payload")


def _dataset(message: Any) -> Iterator[Sample]:
    if not isinstance(message, dict):
        raise PayloadError(DeadLetterReason.SCHEMA, "a dataset message is no object")
    kind = message.get("MessageType", "ua-keyframe")
    if kind == "ua-keepalive":
        return
    if kind not in ("ua-keyframe", "ua-deltaframe"):
        raise PayloadError(DeadLetterReason.UNSUPPORTED, f"a message of type {kind!r} holds no samples")
    payload = message.get("Payload")
    if not isinstance(payload, dict):
        raise PayloadError(DeadLetterReason.SCHEMA, "a dataset message has no object `Payload`")
    own = message.get("Timestamp")
    sent = None if own is None else _iso(own)
    for name, value in payload.items():
        yield _data_value(name, value, sent)


def _monitored(message: Mapping[str, Any]) -> Sample:
    value, name = message["Value"], message.get("DisplayName") or message["NodeId"]
    if not isinstance(value, dict) or "SourceTimestamp" not in value:
        raise PayloadError(DeadLetterReason.UNSUPPORTED, f"{name}: no data value with a SourceTimestamp, so no sample")
    return _data_value(str(name), value, None)


def _data_value(name: str, value: Any, sent: int | None) -> Sample:
    """Return a field; one that is a bare value was measured, as far as it says, when the message was made."""
    if not isinstance(value, dict) or not value.keys() & {"Value", "SourceTimestamp", "StatusCode"}:
        return Sample(name, _plain(value), sent)
    source, server = value.get("SourceTimestamp"), value.get("ServerTimestamp")
    return Sample(
        name,
        _plain(value.get("Value")),
        sent if source is None else _iso(source),
        sent if server is None else _iso(server),
        _status(value.get("StatusCode", GOOD)),
    )


def _plain(value: Any) -> Any:
    """Return the value without its type, which the reversible encoding wraps around it."""
    return value["Body"] if isinstance(value, dict) and value.keys() == {"Type", "Body"} else value


def _status(code: Any) -> int:
    number = code.get("Code", GOOD) if isinstance(code, dict) else code
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < _UINT32:
        raise PayloadError(DeadLetterReason.SCHEMA, f"{code!r} is no OPC UA StatusCode")
    return number
