"""Bounds what asyncua's decoder spends on a message by the message's own size.

asyncua 2.1 takes lengths at their word where nothing has to be read for them: five bytes can ask for two thousand
million values, and take all memory before any of our code runs.
"""

from __future__ import annotations

import math
from typing import Any

from asyncua import ua
from asyncua.ua import ua_binary

_reshape = ua_binary._reshape  # what is decoded can be bounded nowhere else


class MalformedError(ua.UaError):
    """A message states a length that its bytes do not have."""


class _Nulls:
    """Arrays of type Null, whose elements take no byte."""

    @staticmethod
    def unpack_array(_: Any, length: int) -> tuple[None, ...]:
        if length > 0:
            raise MalformedError(f"an array of {length} elements of type Null")
        return ()


def _bytes(data: Any) -> bytes | None:
    """Read a string; a length below -1, of a string that is null, would go back and read the same again."""
    length = ua_binary.Primitives.Int32.unpack(data)
    if length < -1:
        raise MalformedError(f"a string of length {length}")
    return None if length == -1 else data.read(length)


def _shaped(flat: list[Any], dimensions: list[int]) -> list[Any]:
    """Give an array its dimensions; asyncua would make up what is missing (part 6, 5.2.2.16, has it refused)."""
    if not flat:
        return flat
    if min(dimensions) < 1 or math.prod(dimensions) != len(flat):
        raise MalformedError(f"an array of {len(flat)} elements has dimensions {dimensions[:10]}")
    return _reshape(flat, dimensions)


def bound_decoder() -> None:
    """Let asyncua refuse such messages, in this process; before it has decoded anything."""
    for place, name, bounded in (
        (ua_binary.Primitives1, "Null", _Nulls),
        (ua_binary._Bytes, "unpack", staticmethod(_bytes)),
        (ua_binary, "_reshape", _shaped),
    ):
        setattr(place, name, bounded)
