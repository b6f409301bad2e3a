"""Metrics of one message -> readings, as their births declared them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from andon.contracts import Origin
from andon.sparkplug.v1.payload_pb2 import Metric, Payload
from services.ingest.readings import BAD_TYPE_MISMATCH, Readings
from services.ingest.sparkplug.births import Births, Definition
from services.ingest.sparkplug.datatypes import WrongValueError
from services.ingest.sparkplug.payload import micros, status


@dataclass(slots=True)
class Taken:
    """What one message held.

    Attributes:
        live: values of now.
        history: values that the edge node held back (`is_historical`).
        strangers: metrics, by name or alias, that no birth declares.
        wrong: names or aliases of metrics whose value does not fit their declared type.
        unmapped: number of values that no tag of the plant model fits.
    """

    live: Readings
    history: Readings
    strangers: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unmapped: int = 0


def read_metrics(births: Births, device: str | None, payload: Payload, received: int) -> Taken:
    """Return the values of a message of *device* (None: the edge node), which must be born.

    A metric's own timestamp is the source's time; without one there is only the moment of sending, which is the
    server's time of all of the message.
    """
    taken = Taken(Readings(received), Readings(received, Origin.BACKFILL))
    sent = micros(payload.timestamp) if payload.HasField("timestamp") else None
    # A metric at a time: each has its own type and presence bits, and the parsed message is no array.
    for metric in payload.metrics:
        definition = births.find(device, metric)
        if definition is None:
            taken.strangers.append(_label(metric))
        elif definition.signal is None:
            taken.unmapped += definition.unmapped
        else:
            value, code = _value(metric, definition, taken)
            measured = micros(metric.timestamp) if metric.HasField("timestamp") else None
            batch = taken.history if metric.is_historical else taken.live
            batch.add(definition.signal, value, measured, sent, code)
    return taken


def _value(metric: Metric, definition: Definition, taken: Taken) -> tuple[Any, int]:
    """Return a metric's value and StatusCode."""
    if metric.is_null:
        return None, status(metric)
    try:
        return definition.read(metric, metric.WhichOneof("value")), status(metric)
    except WrongValueError:
        taken.wrong.append(_label(metric))
        return None, BAD_TYPE_MISMATCH


def _label(metric: Metric) -> str:
    return metric.name or f"alias {metric.alias}"
