"""JSON Schema (draft 2020-12) of the contracts."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from andon.contracts.base import CONTRACT_VERSION, Event
from andon.contracts.catalogue import TopicSpec
from andon.contracts.examples import EXAMPLES
from andon.uns.names import ASSET_PATTERN


class _WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of field names: they say nothing that the names do not."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def event_schema(event: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of one event, complete in itself, with an example.

    It describes what readers may find: fields with a default can be absent, and fields that are not
    named here may be added in later versions of Andon.
    """
    schema = event.model_json_schema(schema_generator=_WithoutFieldTitles)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:andon:contract:v{CONTRACT_VERSION}:{event.__name__}",
        **schema,
        "examples": [example(event)],
    }


def shared_schemas(models: list[type[BaseModel]], ref_template: str) -> dict[str, Any]:
    """Return name to schema of *models* and of all that they are made of, with references by *ref_template*."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_WithoutFieldTitles, ref_template=ref_template
    )
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas


def key_schema(spec: TopicSpec) -> dict[str, Any]:
    """Return the JSON Schema of a topic's keys."""
    schema: dict[str, Any] = {"type": "string", "description": spec.key}
    if issubclass(spec.event, Event):  # every event about an asset is keyed by it
        schema["pattern"] = ASSET_PATTERN
    return schema


def example(event: type[BaseModel]) -> dict[str, Any]:
    """Return an event of this kind as JSON, without the fields that are at their default."""
    return EXAMPLES[event].model_dump(mode="json", exclude_unset=True)


def schema_file(event: type[BaseModel]) -> str:
    """Return the name of an event's JSON Schema file: ``feature-vector.schema.json`` for FeatureVector."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", event.__name__).lower() + ".schema.json"
