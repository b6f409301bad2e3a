"""Settings of the registry."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from andon.connection import FilePath, Group, ServerTlsSettings, Text
from andon.settings import Settings
from andon.units import Duration


class RegistrySettings(Group):
    """Where the registry listens, what it keeps where, and whom it trusts."""

    host: Text = "0.0.0.0"  # noqa: S104 - inference and people come from outside the pod
    """Address to listen on."""
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
    insecure: bool = Field(default=False, validate_default=True)
    """Serve without TLS, for development on one machine only; tokens can be read by anybody on the way."""

    @field_validator("insecure")
    @classmethod
    def _is_one_way(cls, insecure: bool, info: ValidationInfo) -> bool:
        tls: ServerTlsSettings | None = info.data.get("tls")
        if tls is None:  # which is reported itself
            return insecure
        if insecure and (tls.cert_file or tls.key_file or tls.client_ca_file):
            raise ValueError("has no effect together with TLS files: remove it or them")
        if not insecure and not (tls.cert_file and tls.key_file):
            raise ValueError("TLS needs `tls.cert_file` and `tls.key_file`: set both (or this one, for development)")
        return insecure


class ServiceSettings(Settings):
    """Settings of the registry, such as ``ANDON_REGISTRY__PORT=8443``."""

    registry: RegistrySettings = RegistrySettings.model_construct()
