"""Values of Sparkplug metrics: from the wire's unsigned fields to Python, by the metric's data type.

Numbers of types are those of the Sparkplug specification 3.0.0, 6.4.16 (data types). Integers travel unsigned; negative
ones in two's complement, of their own width with some encoders and of the whole field with others.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from andon.sparkplug.v1.payload_pb2 import Metric

#: Reads the value of a metric of one type; the other argument names the field that holds it, if one does.
Reader = Callable[[Metric, str | None], Any]


class DataType(IntEnum):
    """Types that Andon takes. The others are files, data sets, templates and arrays."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15


class WrongValueError(ValueError):
    """A metric's value does not fit its data type."""


_INTEGERS = {"int_value": 32, "long_value": 64}
_NUMBERS = ("float_value", "double_value")


def _unsigned(width: int) -> Reader:
    limit = 1 << width

    def read(metric: Metric, field: str | None) -> int:
        if field is None or field not in _INTEGERS or (value := int(getattr(metric, field))) >= limit:
            raise WrongValueError
        return value

    return read


def _signed(width: int) -> Reader:
    half, whole = 1 << (width - 1), 1 << width

    def read(metric: Metric, field: str | None) -> int:
        if field is None or (field_width := _INTEGERS.get(field)) is None:
            raise WrongValueError
        value = int(getattr(metric, field))
        if value < half:
            return value
        if value < whole:
            return value - whole
        value -= 1 << field_width
        if value < -half:
            raise WrongValueError
        return value

    return read


def _floating(metric: Metric, field: str | None) -> float:
    if field not in _NUMBERS:
        raise WrongValueError
    return float(getattr(metric, field))


def _boolean(metric: Metric, field: str | None) -> bool:
    if field != "boolean_value":
        raise WrongValueError
    return metric.boolean_value


def _text(metric: Metric, field: str | None) -> str:
    if field != "string_value":
        raise WrongValueError
    return metric.string_value


#: Data type to what reads its values; types that are not here are refused.
READERS: dict[int, Reader] = {
    DataType.INT8: _signed(8),
    DataType.INT16: _signed(16),
    DataType.INT32: _signed(32),
    DataType.INT64: _signed(64),
    DataType.UINT8: _unsigned(8),
    DataType.UINT16: _unsigned(16),
    DataType.UINT32: _unsigned(32),
    DataType.UINT64: _unsigned(64),
    DataType.FLOAT: _floating,
    DataType.DOUBLE: _floating,
    DataType.BOOLEAN: _boolean,
    DataType.STRING: _text,
    DataType.DATETIME: _unsigned(64),
    DataType.TEXT: _text,
    DataType.UUID: _text,
}
