"""Physical units and durations, as people write them in files."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Annotated

import pint
from pydantic import BeforeValidator, Field, WithJsonSchema

#: So many digits that nothing overflows, and more than any duration needs.
_DURATION = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(us|ms|s|min|h|d)\s*")
_MICROS = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def parse_duration(text: object) -> int:
    """Return microseconds of a duration such as ``500ms``, ``10s``, ``1.5min``, ``1h`` (an integer stays as it is).

    Raises:
        ValueError: it is no such text.
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration: write a number and us, ms, s, min, h or d, such as 10s")
    return round(float(match[1]) * _MICROS[match[2]])


def format_duration(micros: int) -> str:
    """Return a duration as `parse_duration` reads it, in the largest unit up to hours of which it is a multiple."""
    unit = next(unit for unit in ("h", "min", "s", "ms", "us") if micros % _MICROS[unit] == 0) if micros else "s"
    return f"{micros // _MICROS[unit]}{unit}"


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    Field(ge=0),
    WithJsonSchema({"type": ["string", "integer"], "description": "Such as 500ms, 10s, 5min, 1h."}),
]
"""Microseconds; written as ``10s`` in files."""


def _with_unit(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit (write {value}s, {value}min, {value}h ...)")
    return parse_duration(value)


Span = Annotated[int, BeforeValidator(_with_unit)]
"""Microseconds, which a file must write with their unit."""


#: A value far enough from 0 that a unit's offset does not blur its factor.
_FAR = 2.0**20


def conversion(source: str, target: str) -> tuple[float, float]:
    """Return factor and offset, so that a value in *source* is ``value * factor + offset`` in *target*.

    Raises:
        ValueError: the units do not convert, do so along a curve (decibels), or only one of them counts angles
            (pint would take a turn a second for 6.28 Hz).
    """
    try:
        if _root(source) != _root(target):
            angle = registry().is_compatible_with(source, target)
            hint = "only one of them counts angles: write turn/s, not Hz" if angle else "they measure different things"
            raise ValueError(f"{source!r} does not convert to {target!r} ({hint})")
        one, two, three = (_convert(value, source, target) for value in (1.0, 2.0, 3.0))
        if not math.isclose(two - one, three - two, rel_tol=1e-6):
            raise ValueError(f"{source!r} converts to {target!r} along a curve (take units that are no logarithms)")
        offset = _convert(0.0, source, target)
        factor = one if offset == 0 else (_convert(_FAR, source, target) - offset) / _FAR
    except pint.PintError as error:
        raise ValueError(f"{source!r} does not convert to {target!r} ({error})") from None
    return _exact(factor), _exact(offset)


def _root(unit: str) -> object:
    return registry().Quantity(1.0, unit).to_root_units().units


def _convert(value: float, source: str, target: str) -> float:
    return float(registry().Quantity(value, source).to(target).magnitude)


def _exact(number: float) -> float:
    """Undo the rounding of pint's own steps, so that 0 degC is 32 degF and not 31.999999999999936."""
    simple = float(Fraction(number).limit_denominator(10_000))
    return simple if math.isclose(simple, number, rel_tol=1e-12) else number


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """Return the one unit registry (loading it takes 100 ms, so it is made at first use)."""
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
