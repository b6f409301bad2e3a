"""mes.yaml -> the mapping, or every finding at once with its line."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from andon.errors import ConfigError
from andon.plant import Plant
from andon.plant.plain import Problem
from andon.plant.source import Source, read_file
from andon.plant.wording import explain
from andon.uns.places import places_of
from services.mes.mapping import Mapping


class MappingError(ConfigError):
    """The mapping file is not valid; the message lists every finding, one a line."""


def load_mapping(path: Path, plant: Plant) -> Mapping:
    """Read and check a mapping file; paths of secrets in it are taken relative to its folder.

    Args:
        path: the file.
        plant: has the places that rows are mapped to.

    Raises:
        MappingError: lists every finding as ``FILE:LINE: path.to.field: what is wrong``.
    """
    text = _read(path)
    context = {"folder": path.parent, "places": places_of(plant.assets)}
    try:
        return Mapping.model_validate_json(json.dumps(text.data), context=context)
    except ValidationError as error:
        problems = [_problem(each) for each in error.errors(include_url=False)]
    raise MappingError("\n".join(text.findings(path, problems)))


def findings(path: Path, problems: Iterable[Problem]) -> list[str]:
    """Return problems with a mapping file as ``FILE:LINE: path.to.field: what is wrong``, in the file's order.

    Raises:
        MappingError: the file cannot be read any more.
    """
    return _read(path).findings(path, problems)


def _read(path: Path) -> Source:
    return read_file(path, MappingError, "set ANDON_MES__FILE")


def _problem(error: ErrorDetails) -> Problem:
    place = error["loc"]
    return Problem(place, explain(error, _fields(place[:-1])))


def _fields(place: tuple[Any, ...]) -> list[str]:
    """Return the names that may stand at a place."""
    model: type[BaseModel] = Mapping
    for step in place:
        field = next((field for name, field in model.model_fields.items() if step in (name, field.alias)), None)
        model = (_model_in(field.annotation) if field else None) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds: bare, optional, in a tuple or a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)
