"""Plain data, as it stands in a file, for those who look for mistakes; parts of the wrong shape are stepped over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

#: Kinds of tags whose samples are numbers.
NUMERIC = ("number", "integer")
_SHOWN = 8


class Problem(NamedTuple):
    """Something wrong, and its place: keys and indices from the top of the data down."""

    place: tuple[str | int, ...]
    text: str


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what to do about an unknown name: the known one that looks most like it, or which are known."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"known are {', '.join(names[:_SHOWN])}{more}" if names else "none is known"


def repeated(place: tuple[str | int, ...], names: object) -> Iterator[Problem]:
    """Yield the names of the list at *place* that are there before."""
    seen: set[str] = set()
    for index, name in named(names):
        if name in seen:
            yield Problem((*place, index), f"{name!r} is there twice (remove one)")
        seen.add(name)


def named(names: object) -> Iterator[tuple[int, str]]:
    """Return index and text of each text in a list."""
    return ((index, str(name)) for index, name in enumerate(listed(names)) if isinstance(name, str))


def mapping(value: object) -> Mapping[Any, Any]:
    """Return *value* if it is a mapping, otherwise an empty one."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """Return *value* if it is a list, otherwise an empty one."""
    return list(value) if isinstance(value, list | tuple) else []
