"""sources.yaml -> the sources' configurations, or every finding at once with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, field_validator

from andon.errors import ConfigError
from andon.plant.document import load_document
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
    return load_document(path, Sources, hint="set ANDON_INGEST__SOURCES", refuse=SourcesError)
