"""Settings of the servers that Andon runs itself; in one shape, and with TLS unless somebody says otherwise."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from andon.connection import Group, ServerTlsSettings, Text


class ListenerSettings(Group):
    """A server of our own: where it listens, and that it speaks TLS unless somebody says otherwise."""

    host: Text = "0.0.0.0"  # noqa: S104 - who connects comes from outside the pod, with certificate or token
    """Address to listen on."""
    port: int | None = Field(default=None, ge=0, le=65_535)
    """Port to listen on; 0 takes any free port, and nobody listens when not set."""
    tls: ServerTlsSettings = ServerTlsSettings()
    """Who the server is, and whose certificates it takes."""
    insecure: bool = Field(default=False, validate_default=True)
    """Listen without TLS, behind a proxy that speaks it or for development; anybody on the way can read tokens."""

    @field_validator("insecure")
    @classmethod
    def _is_one_way(cls, insecure: bool, info: ValidationInfo) -> bool:
        tls: ServerTlsSettings | None = info.data.get("tls")
        if tls is None:  # which is reported itself
            return insecure
        if insecure and tls.cert_file:
            raise ValueError("has no effect together with TLS files: remove it or them")
        if not insecure and info.data.get("port") is not None and not tls.cert_file:
            raise ValueError("TLS needs `tls.cert_file` and `tls.key_file`: set both (or this one, without TLS)")
        return insecure
