"""plant.yaml -> `Plant`, or every finding at once with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from andon.errors import PlantError
from andon.plant.model import Plant
from andon.plant.plain import Problem
from andon.plant.references import plant_problems
from andon.plant.schema import is_duration, schema_at
from andon.plant.source import SourceError, read_source
from andon.plant.wording import explain

#: What pydantic appends to the place of a key that breaks a rule.
_KEY = "[key]"
_SIMPLE = re.compile(r"[\w/-]+")


class _Finding(NamedTuple):
    line: int
    path: str
    text: str


def load_plant(path: Path) -> Plant:
    """Read and check a plant model.

    Raises:
        PlantError: the file cannot be read or is not valid. The message lists every finding in a line of its own,
            ``FILE:LINE: path.to.field: what is wrong (what to do)``, in the order of the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PlantError(f"{path}: cannot be read: {error.strerror} (check the path and its permissions)") from None
    plant, findings = _check(content)
    if plant is None or findings:
        raise PlantError("\n".join(f"{path}:{line}: {where}: {text}" for line, where, text in findings))
    return plant


def _check(content: bytes) -> tuple[Plant | None, list[_Finding]]:
    try:
        source = read_source(content)
    except SourceError as error:
        return None, [_Finding(error.line, "file", str(error))]
    plant, problems = _build(source.data)
    found = [*source.problems, *((source.line(problem.place), problem) for problem in problems)]
    return plant, sorted({_Finding(line, _dotted(problem.place), problem.text) for line, problem in found})


def _build(data: Any) -> tuple[Plant | None, list[Problem]]:
    """Return the plant, or what is wrong with *data*."""
    bare = list(_bare_durations(data, ()))
    try:
        # By way of JSON, for which pydantic's strict mode is made: a text is no number there, a list may be a tuple.
        return Plant.model_validate_json(json.dumps(data), strict=True), bare
    except ValidationError as error:
        problems = [_problem(each) for each in error.errors(include_url=False)]
    # Pydantic checks names only in what is whole otherwise; here they are checked in any case.
    return None, [*bare, *problems, *plant_problems(data)]


def _problem(error: ErrorDetails) -> Problem:
    place = tuple(step for step in error["loc"] if step != _KEY)
    return Problem(place, explain(error, schema_at(place[:-1]).get("properties", ())))


def _bare_durations(data: Any, place: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield the durations that are mere numbers: other programs write microseconds so, people mean seconds."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in parts:
        inner = (*place, step)
        if isinstance(value, dict | list):
            yield from _bare_durations(value, inner)
        elif isinstance(value, int) and value and not isinstance(value, bool) and is_duration(inner):
            yield Problem(inner, f"{value} has no unit (write {value}s, {value}ms, {value}min ...)")


def _dotted(place: tuple[str | int, ...]) -> str:
    """Return ``classes.pump.messages[0].tag``; names that hold a dot themselves stand in brackets."""
    path = ""
    for step in place:
        plain = isinstance(step, str) and _SIMPLE.fullmatch(step)
        path += f".{step}" if plain else f"[{step!r}]"
    return path.removeprefix(".") or "file"
