"""Physical units and durations, as people write them in files."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

import pint
from pydantic import BeforeValidator, Field, WithJsonSchema

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)\s*")
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


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    Field(ge=0),
    WithJsonSchema({"type": ["string", "integer"], "description": "Such as 500ms, 10s, 5min, 1h."}),
]
"""Microseconds; written as ``10s`` in files."""


@lru_cache(maxsize=1)
def registry() -> pint.UnitRegistry[float]:
    """Return the one unit registry (loading it takes 100 ms, so it is made at first use)."""
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
