"""A YAML file -> a validated model, or every finding at once with its line; for the files beside plant.yaml.

Several kinds of things in one list are told apart by their field `kind`.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from andon.errors import ConfigError
from andon.plant.plain import Problem, suggestion
from andon.plant.source import read_file
from andon.plant.wording import explain

Document = TypeVar("Document", bound=BaseModel)
_KIND = "kind"


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
        problems = [_problem(each, model) for each in error.errors(include_url=False)]
    raise refuse("\n".join(source.findings(path, problems)))


class _Spot(NamedTuple):
    """A place of the file, and the models that may stand there."""

    place: tuple[str | int, ...]
    models: Sequence[type[BaseModel]]


def _problem(error: ErrorDetails, model: type[BaseModel]) -> Problem:
    spot = _spot(error["loc"], model)
    if error["type"] == "union_tag_invalid":
        tag = error["ctx"]["tag"]
        return Problem(spot.place, f"{_KIND} {tag!r} is not known here ({suggestion(tag, _kinds(spot.models))})")
    if error["type"] == "union_tag_not_found":
        return Problem(spot.place, f"does not say what it is (add `{_KIND}`: {', '.join(_kinds(spot.models))})")
    (holder, *_) = _spot(error["loc"][:-1], model).models
    return Problem(spot.place, explain(error, [field.alias or name for name, field in holder.model_fields.items()]))


def _spot(place: Sequence[str | int], model: type[BaseModel]) -> _Spot:
    """Follow one of pydantic's places, which names the kind behind the index of a thing that is of several kinds."""
    kept: list[str | int] = []
    models: Sequence[type[BaseModel]] = (model,)
    for step in place:
        of_kind = [each for each in models if step in _kinds([each])] if len(models) > 1 else []
        if of_kind:
            models = of_kind
        else:
            kept.append(step)
            models = _below(models[0], step) or models
    return _Spot(tuple(kept), models)


def _below(model: type[BaseModel], step: str | int) -> list[type[BaseModel]]:
    """Return the models that a field may hold; none for a field of plain values, an index or a key."""
    field = next((field for name, field in model.model_fields.items() if step in (name, field.alias)), None)
    return _models_in(field.annotation) if field else []


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in an annotation: bare, optional, in a tuple, a mapping or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]


def _kinds(models: Sequence[type[BaseModel]]) -> list[str]:
    fields = (model.model_fields.get(_KIND) for model in models)
    return [kind for field in fields if field for kind in typing.get_args(field.annotation)]
