"""Settings of the alert service."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from andon.connection import Group, Secret, ServerTlsSettings, Text
from andon.settings import Settings
from andon.units import Duration


class ApiSettings(Group):
    """Where people's systems say something about alerts over HTTP."""

    host: Text = "0.0.0.0"  # noqa: S104 - it listens only where a port is set, and answers only to its token
    """Address to listen on."""
    port: int | None = Field(default=None, ge=0, le=65_535)
    """Port to listen on; 0 takes any free port, and nobody listens when not set."""
    token: Secret | None = None
    """What a client must send as bearer token; without one everything is refused."""
    tls: ServerTlsSettings = ServerTlsSettings()
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


class AlertRules(Group):
    """What holds for the alerts of all classes; the rest is in the plant model (`andon.plant.model.ModelSpec`)."""

    blind_after: Duration = 600_000_000
    """An asset without a verdict for longer than this (event time) cannot be judged: its open alert is closed
    unconfirmed, and says so. Two windows of the class, where those take longer."""
    shelf_limit: Duration = Field(default=86_400_000_000, gt=0)
    """Longest time that a person can shelve an asset for."""
    api: ApiSettings = ApiSettings()


class AlertSettings(Settings):
    """Settings of the alert service, such as ``ANDON_ALERT__BLIND_AFTER=10min``."""

    alert: AlertRules = AlertRules()
