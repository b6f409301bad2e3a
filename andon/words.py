"""Names, numbers and units as people on the shop floor read them."""

from __future__ import annotations

import math
import re

#: A name made of plain words, such as pump-3 or bearing_temperature; TT-101 is an instrument's code and stays.
_PLAIN_NAME = re.compile(r"[a-z]{3,}[0-9]*([-_][a-z0-9]+)*")
_SIGNS = (
    ("degC", "°C"),
    ("degF", "°F"),
    ("percent", "%"),
    ("dimensionless", ""),
    ("**", "^"),
    ("^2", "²"),
    ("^3", "³"),
)
_FEWEST_DIGITS, _MOST_DIGITS = 3, 7


def name_in_words(name: str) -> str:
    """Return a tag's or place's *name* with spaces, if it is made of words: ``bearing temperature``."""
    return name.replace("-", " ").replace("_", " ") if _PLAIN_NAME.fullmatch(name) else name


def asset_in_words(path: str) -> str:
    """Return how people call the asset at *path*, with the place it is in: ``Pump 3 (station 1)``."""
    *places, own = path.split("/")
    title = name_in_words(own)
    if _PLAIN_NAME.fullmatch(own):
        title = title[0].upper() + title[1:]
    return f"{title} ({name_in_words(places[-1])})" if places else title


def unit_in_words(unit: str | None) -> str:
    """Return *unit* as it is written on a gauge: ``m³/h``, ``°C``; empty for none."""
    text = unit or ""
    for technical, sign in _SIGNS:
        text = text.replace(technical, sign)
    return text


def number(value: float, digits: int = _FEWEST_DIGITS) -> str:
    """Return *value* with *digits* significant digits; digits before the decimal point are all kept."""
    if 10**digits - 0.5 <= abs(value) < 1e9:
        return f"{value:.0f}"
    return f"{value + 0.0:.{digits}g}"  # + 0.0 makes 0 of -0


def number_pair(value: float, other: float) -> tuple[str, str]:
    """Return both numbers with as few digits as tell them apart."""
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        pair = number(value, digits), number(other, digits)
        if pair[0] != pair[1]:
            return pair
    return number(value, _MOST_DIGITS), number(other, _MOST_DIGITS)


def difference(value: float, normal: float, unit: str) -> str:
    """Return how far *value* is from *normal*: in whole percent, or in *unit* where percent would say nothing.

    They say nothing of a normal value near 0 (1,000 % and more), and nothing below 1 %.
    """
    distance = abs(value - normal)
    percent = 100 * distance / abs(normal) if normal else math.inf
    return f"{percent:.0f}%" if 1 <= percent < 999.5 else f"{number(distance)} {unit}".rstrip()


def tidy(text: str) -> str:
    """Return *text* without the gaps that empty fields leave."""
    return re.sub(r" +([.,;:!?)])", r"\1", " ".join(text.split()))
