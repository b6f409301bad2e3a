"""sources.yaml -> the sources' configurations, or every finding at once with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, ValidationError, field_validator
from pydantic_core import ErrorDetails

from andon.errors import ConfigError
from andon.plant.document import model_in
from andon.plant.plain import Problem, suggestion
from andon.plant.source import read_file
from andon.plant.wording import explain
from services.ingest.mqtt.config import MqttConfig
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.recording.config import RecordingConfig
from services.ingest.sparkplug.config import SparkplugConfig

SourceConfig = Annotated[OpcUaConfig | MqttConfig | SparkplugConfig | RecordingConfig, Discriminator("kind")]
_KINDS: dict[str, type[BaseModel]] = {
    "opcua": OpcUaConfig,
    "mqtt": MqttConfig,
    "sparkplug": SparkplugConfig,
    "recording": RecordingConfig,
}


class SourcesError(ConfigError):
    """The sources file is not valid; the message lists every finding, one a line."""


class Sources(BaseModel):
    """The sources of one ingest service."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sources: tuple[SourceConfig, ...]
    """What to connect to."""

    @field_validator("sources", mode="before")
    @classmethod
    def _is_some(cls, sources: object) -> object:
        if sources == []:
            raise ValueError("names no source (add one)")
        return sources

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
        names = [source.name for source in sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"two sources are named {name!r} (rename one; the name is on its metrics and sessions)"
                )
        return sources


def load_sources(path: Path) -> Sources:
    """Read and check a sources file; paths in it are taken relative to its folder.

    Raises:
        SourcesError: lists every finding as ``FILE:LINE: path.to.field: what is wrong``.
    """
    text = read_file(path, SourcesError, "set ANDON_INGEST__SOURCES")
    try:
        return Sources.model_validate_json(json.dumps(text.data), context={"folder": path.parent})
    except ValidationError as error:
        problems = [_problem(each) for each in error.errors(include_url=False)]
    raise SourcesError("\n".join(text.findings(path, problems)))


def _problem(error: ErrorDetails) -> Problem:
    place, kind = _without_kind(error["loc"])
    wording = _OF_KINDS.get(error["type"])
    return Problem(place, wording(error) if wording else explain(error, _fields(kind, place[2:-1])))


def _without_kind(place: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
    """Return a place without the union's tag, which pydantic puts behind the source's index, and that tag."""
    return ((*place[:2], *place[3:]), place[2]) if len(place) > 2 and place[0] == "sources" else (place, "")


def _unknown_kind(error: ErrorDetails) -> str:
    tag = error["ctx"]["tag"]
    return f"kind {tag!r} is not known here ({suggestion(tag, _KINDS)})"


def _no_kind(_: ErrorDetails) -> str:
    return f"does not say what it is (add `kind`: {', '.join(_KINDS)})"


#: Pydantic's types of error about the union of all kinds, in our words.
_OF_KINDS = {"union_tag_invalid": _unknown_kind, "union_tag_not_found": _no_kind}


def _fields(kind: str, place: tuple[Any, ...]) -> list[str]:
    """Return the names that may stand at a place below a source of a kind."""
    model: Any = _KINDS.get(kind, Sources)
    for step in place:
        if isinstance(step, str) and step in model.model_fields:
            model = model_in(model.model_fields[step].annotation) or model
    return list(model.model_fields)
