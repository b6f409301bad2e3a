"""A YAML file -> a validated model, or every finding at once with its line; for the files beside plant.yaml."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from andon.errors import ConfigError
from andon.plant.plain import Problem
from andon.plant.source import read_file
from andon.plant.wording import explain

Document = TypeVar("Document", bound=BaseModel)


def load_document(
    path: Path,
    model: type[Document],
    *,
    hint: str,
    context: Mapping[str, Any] | None = None,
    refuse: type[ConfigError] = ConfigError,
) -> Document:
    """Read and check a file that holds one model; `FileBeside` paths in it are taken relative to its folder.

    Args:
        path: the file.
        model: what it must hold.
        hint: what to do about a file that cannot be read, such as which setting names it.
        context: what validators of the model need besides.
        refuse: the error to raise.

    Raises:
        ConfigError: of type *refuse*; lists every finding as ``FILE:LINE: path.to.field: what is wrong``.
    """
    source = read_file(path, refuse, hint)
    try:
        return model.model_validate_json(json.dumps(source.data), context={"folder": path.parent, **(context or {})})
    except ValidationError as error:
        problems = [_problem(model, each) for each in error.errors(include_url=False)]
    raise refuse("\n".join(source.findings(path, problems)))


def _problem(root: type[BaseModel], error: ErrorDetails) -> Problem:
    place = error["loc"]
    return Problem(place, explain(error, _fields(root, place[:-1])))


def _fields(root: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """Return the names that may stand at a place below *root*."""
    model = root
    for step in place:
        field = next((field for name, field in model.model_fields.items() if step in (name, field.alias)), None)
        model = (model_in(field.annotation) if field else None) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field of type *annotation* holds: bare, optional, in a tuple or a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, typing.get_args(annotation))), None)
