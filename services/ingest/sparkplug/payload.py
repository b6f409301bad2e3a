"""Bytes of Sparkplug messages: parsing what edge nodes send, making what a host sends."""

from __future__ import annotations

import json

from google.protobuf.message import DecodeError

from andon.clock import MILLISECOND
from andon.sparkplug.v1.payload_pb2 import Metric, Payload
from services.ingest.readings import GOOD
from services.ingest.sparkplug.datatypes import DataType

BDSEQ = "bdSeq"
REBIRTH = "Node Control/Rebirth"

#: OPC UA StatusCodes that Sparkplug's qualities mean (OPC UA part 6, annex A.2).
BAD = 0x80000000
UNCERTAIN = 0x40000000
UNCERTAIN_LAST_USABLE_VALUE = 0x40900000

#: The latest moment that contracts can hold; a later one stays absurd and fits all columns.
_LATEST = 2**53
_QUALITY = "Quality"
_STALE = 500


class MalformedError(ValueError):
    """Bytes that are no Sparkplug B payload; the message says why."""


def parse(body: bytes) -> Payload:
    """Return the payload of a message.

    Raises:
        MalformedError: it is no such payload.
    """
    try:
        return Payload.FromString(body)
    except DecodeError as error:
        raise MalformedError(f"no Sparkplug B payload: {error}") from None


def micros(milliseconds: int) -> int:
    """Return microseconds UTC; a moment that no contract can hold becomes the latest one that it can."""
    return min(milliseconds * MILLISECOND, _LATEST)


def bdseq(payload: Payload) -> int | None:
    """Return the number of the session that a birth or death of an edge node belongs to; None if it does not say."""
    for metric in payload.metrics:
        if metric.name == BDSEQ:
            return metric.long_value if metric.WhichOneof("value") == "long_value" else metric.int_value
    return None


def status(metric: Metric) -> int:
    """Return the OPC UA StatusCode of a metric's `Quality` property; good without one, as the specification has it.

    Beside Sparkplug's own 0, 192 and 500, gateways pass on the qualities of OPC Classic, whose two highest of eight
    bits say bad (00), uncertain (01) or good (11).
    """
    if not metric.HasField("properties"):
        return GOOD
    for key, value in zip(metric.properties.keys, metric.properties.values, strict=False):
        if key == _QUALITY:
            return _status(value.long_value if value.WhichOneof("value") == "long_value" else value.int_value)
    return GOOD


def _status(quality: int) -> int:
    if quality == _STALE:
        return UNCERTAIN_LAST_USABLE_VALUE
    if quality < 64:
        return BAD
    return GOOD if 192 <= quality < 256 else UNCERTAIN


def rebirth_command(now: int) -> bytes:
    """Return the payload of the NCMD that asks an edge node for its births (*now*: microseconds UTC)."""
    sent = now // MILLISECOND
    metric = Metric(name=REBIRTH, timestamp=sent, datatype=DataType.BOOLEAN, boolean_value=True)
    return Payload(timestamp=sent, metrics=[metric]).SerializeToString()


def host_state(online: bool, since: int) -> bytes:
    """Return the payload of a STATE message; *since* (microseconds UTC) is when the connection was opened."""
    return json.dumps({"online": online, "timestamp": since // MILLISECOND}).encode()
