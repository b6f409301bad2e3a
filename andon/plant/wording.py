"""Pydantic's findings in words for the person who wrote the file: what is wrong, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from pydantic_core import ErrorDetails

from andon.plant.plain import suggestion

_LONGEST = 60
_QUOTED = re.compile(r"'([^']*)'")

_NUMBER = "write a number, such as 4.5 or 1e3, without quotes"
_TEXT = "put it in quotes"
_MAPPING = "write `name: value` in the lines below it, or {{}} for none"
_LIST = "write a list, such as [a, b]"

#: Pydantic's type of error to what is wrong and what to do; {given} and names of its context are filled in.
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "add it"),
    "string_type": ("{given} is no text", _TEXT),
    "string_too_short": ("is empty", "write a text"),
    "float_type": ("{given} is no number", _NUMBER),
    "finite_number": ("{given} is no finite number", _NUMBER),
    "bool_type": ("{given} is neither true nor false", "write true or false, without quotes"),
    "bool_parsing": ("{given} is neither true nor false", "write true or false, without quotes"),
    "greater_than": ("{given} is too small", "it must be more than {gt:g}"),
    "greater_than_equal": ("{given} is too small", "it must be at least {ge:g}"),
    "less_than": ("{given} is too large", "it must be less than {lt:g}"),
    "less_than_equal": ("{given} is too large", "it must be at most {le:g}"),
    "dict_type": ("{given} is no mapping", _MAPPING),
    "model_type": ("{given} is no mapping", _MAPPING),
    "model_attributes_type": ("{given} is no mapping", _MAPPING),
    "tuple_type": ("{given} is no list", _LIST),
    "too_short": ("holds {actual_length}", "at least {min_length} is needed"),
    "too_long": ("holds {actual_length}", "only {max_length} are needed"),
}


def explain(error: ErrorDetails, known_fields: Iterable[str]) -> str:
    """Return what is wrong and what to do.

    Args:
        error: one of pydantic's findings.
        known_fields: names of the fields that may stand where it was found.
    """
    kind = error["type"]
    if kind in _WORDS:
        what, remedy = _WORDS[kind]
        values = {"given": shown(error["input"]), **error.get("ctx", {})}
        return f"{what} ({remedy})".format_map(values)
    return _SPECIAL.get(kind, _as_pydantic_says)(error, known_fields)


def shown(value: object) -> str:
    """Return a value of the file as a person would write it, cut short."""
    if value is None:
        return "an empty value"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _unknown_field(error: ErrorDetails, known_fields: Iterable[str]) -> str:
    return f"is no known field ({suggestion(str(error['loc'][-1]), known_fields)})"


def _unknown_choice(error: ErrorDetails, _: Iterable[str]) -> str:
    choices = _QUOTED.findall(error["ctx"]["expected"])
    given = error["input"]
    remedy = suggestion(given, choices) if isinstance(given, str) else f"known are {', '.join(choices)}"
    return f"{shown(given)} is not known here ({remedy})"


def _own_words(error: ErrorDetails, _: Iterable[str]) -> str:
    return str(error["ctx"]["error"])


def _as_pydantic_says(error: ErrorDetails, _: Iterable[str]) -> str:
    return error["msg"]


_SPECIAL: Mapping[str, Callable[[ErrorDetails, Iterable[str]], str]] = {
    "extra_forbidden": _unknown_field,
    "enum": _unknown_choice,
    "literal_error": _unknown_choice,
    "value_error": _own_words,
}
