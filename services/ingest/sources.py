"""sources.yaml -> the sources' configurations, or every finding at once with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, ValidationError, field_validator

from andon.errors import ConfigError
from andon.plant.source import Source as YamlText
from andon.plant.source import SourceError, read_source
from services.ingest.mqtt.config import MqttConfig
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.recording.config import RecordingConfig
from services.ingest.sparkplug.config import SparkplugConfig

SourceConfig = Annotated[OpcUaConfig | MqttConfig | SparkplugConfig | RecordingConfig, Discriminator("kind")]


class SourcesError(ConfigError):
    """The sources file is not valid; the message lists every finding, one a line."""


class Sources(BaseModel):
    """The sources of one ingest service."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sources: tuple[SourceConfig, ...] = Field(min_length=1)
    """What to connect to."""

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
    try:
        text = read_source(path.read_bytes())
    except OSError as error:
        raise SourcesError(f"{path}: cannot be read: {error.strerror} (set ANDON_INGEST__SOURCES)") from None
    except SourceError as error:
        raise SourcesError(f"{path}:{error.line}: {error}") from None
    if text.problems:
        raise SourcesError("\n".join(f"{path}:{line}: {problem.text}" for line, problem in text.problems))
    try:
        return Sources.model_validate_json(json.dumps(text.data), context={"folder": path.parent})
    except ValidationError as error:
        raise SourcesError("\n".join(_findings(path, text, error))) from None


def _findings(path: Path, text: YamlText, error: ValidationError) -> list[str]:
    found = set()
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        place = _without_kind(each["loc"])
        message = each["msg"].removeprefix("Value error, ")
        found.add((text.line(place), ".".join(map(str, place)) or "file", message))
    return [f"{path}:{line}: {where}: {message}" for line, where, message in sorted(found)]


def _without_kind(place: tuple[Any, ...]) -> tuple[Any, ...]:
    """Take out the union's tag, which pydantic puts behind the source's index and which is in no file."""
    return (*place[:2], *place[3:]) if len(place) > 2 and place[0] == "sources" else place
