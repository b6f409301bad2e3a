"""Settings of the registry."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from andon.connection import FilePath, ServerTlsSettings
from andon.listener import ListenerSettings
from andon.settings import Settings
from andon.units import Duration


class RegistrySettings(ListenerSettings):
    """Where the registry listens, what it keeps where, and whom it trusts."""

    port: int = Field(default=8443, ge=0, le=65_535)
    """gRPC; 0 takes any free port."""
    tls: ServerTlsSettings = ServerTlsSettings()
    """Who the registry is, and whose certificates it takes: with `client_ca_file` every client needs one, without it
    every client needs a token. The files are read again when they change."""
    blobs: FilePath = Path("registry")
    """Folder of the files of all bundles, by their digests."""
    access: FilePath = Path("access.yaml")
    """Who may do what."""
    trust: FilePath = Path("trust.yaml")
    """Whose signatures count, for authors and for approvers."""
    max_bundle_bytes: int = Field(default=2 * 2**30, ge=1)
    """Larger bundles are refused."""
    parity_memory: Duration = Field(default=7 * 86_400_000_000, gt=0)
    """For so long after vectors of a feature definition were reported to differ, no model of it is let through."""
    announce: bool = True
    """Tell what happens to models on the `model` topic as well."""
    stop_deadline: Duration = Field(default=5_000_000, gt=0)
    """How long calls that are under way may take when the registry stops."""


class ServiceSettings(Settings):
    """Settings of the registry, such as ``ANDON_REGISTRY__PORT=8443``."""

    registry: RegistrySettings = RegistrySettings.model_construct()
