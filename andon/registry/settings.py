"""Where models come from, and how to reach the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from andon.connection import FilePath, Group, GrpcTlsSettings, Secret, Text
from andon.settings import Settings
from andon.units import Duration


class RegistryTls(GrpcTlsSettings):
    """TLS towards the registry: on, unless somebody turns it off."""

    enabled: bool = True
    """Whether to speak TLS at all; off only for development on one machine."""


class RegistryClientSettings(Group):
    """The model registry, for its clients."""

    address: Text | None = None
    """host:port of the registry; no registry when not set."""
    tls: RegistryTls = RegistryTls()
    """TLS towards it; a client certificate is an identity."""
    token: Secret | None = None
    """A signed token as identity, where there is no client certificate."""
    timeout: Duration = Field(default=10_000_000, gt=0)
    """A call that is not answered for longer is given up; streams may pause for as long."""

    @field_validator("address")
    @classmethod
    def _has_port(cls, address: str | None) -> str | None:
        if address is not None:
            host, _, port = address.rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{address!r} is not host:port")
        return address


class ModelSettings(Group):
    """Where trusted models come from."""

    registry: RegistryClientSettings = RegistryClientSettings()
    trust: FilePath | None = None
    """File that says whose signatures count; see docs/signing.md."""
    cache: FilePath = Path("models")
    """Folder in which fetched models are kept, so that they serve when the registry is away."""
    unsigned: Literal["refuse", "allow"] = "refuse"
    """Whether models without signatures are loaded from a folder of bundles: only for development."""


class ClientSettings(Settings):
    """Settings of the registry's clients, such as ``ANDON_MODELS__REGISTRY__ADDRESS=registry:8443``."""

    models: ModelSettings = ModelSettings()
