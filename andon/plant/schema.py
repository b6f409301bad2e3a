"""The plant model's JSON Schema, for editors that check and complete plant.yaml, and for our own suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from andon.plant.model import Plant

_DURATION = ["string", "integer"]


class _WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of field names: they say nothing that the names do not."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def plant_schema() -> Mapping[str, Any]:
    """Return the JSON Schema (draft 2020-12) of plant.yaml."""
    schema = Plant.model_json_schema(schema_generator=_WithoutFieldTitles)
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": "urn:andon:plant:v1", **schema}


def schema_at(place: tuple[str | int, ...]) -> Mapping[str, Any]:
    """Return the part of the schema that governs a part of the file; an empty one when there is none."""
    part: Mapping[str, Any] = plant_schema()
    for step in place:
        part = _child(_resolved(part), step)
    return _resolved(part)


def is_duration(place: tuple[str | int, ...]) -> bool:
    """Whether a duration is written there."""
    return bool(schema_at(place).get("type") == _DURATION)


def _child(part: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    if isinstance(step, int):
        fixed = part.get("prefixItems", [])
        found = fixed[step] if step < len(fixed) else part.get("items")
    else:
        found = part.get("properties", {}).get(step, part.get("additionalProperties"))
    return found if isinstance(found, Mapping) else {}


def _resolved(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references, and take the alternative that is not null."""
    alternatives = [option for option in part.get("anyOf", ()) if option.get("type") != "null"]
    if len(alternatives) == 1:
        return _resolved(alternatives[0])
    if "$ref" in part:
        definition: Mapping[str, Any] = plant_schema()["$defs"][part["$ref"].rpartition("/")[2]]
        return _resolved(definition)
    return part
