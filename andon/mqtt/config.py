"""How to reach an MQTT broker; part of the files that name sources and sinks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from andon.connection import Group, Text
from andon.secrets import NamedTls, SecretRef
from andon.units import Duration

_PLAIN_PORT, _TLS_PORT = 1883, 8883


class MqttConnection(Group):
    """An MQTT broker."""

    host: Text
    """Name or address."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    """1883, or 8883 with TLS, when not set."""
    version: Annotated[Literal["3.1.1", "5"], BeforeValidator(str)] = "5"
    """Version of the protocol to speak."""
    tls: NamedTls = NamedTls()
    """TLS, mutual with a client certificate."""
    username: Text | None = None
    """The name to log in with."""
    password: SecretRef | None = None
    """Where its password is."""
    client_id: Text | None = None
    """How the broker knows this client; unique there. Named after the source when not set."""
    keepalive: Duration = Field(default=30_000_000, ge=1_000_000)
    """A connection that says nothing for one and a half times this is gone."""

    timeout: Duration = Field(default=10_000_000, gt=0)
    """How long the broker may take to answer."""

    @field_validator("password")
    @classmethod
    def _has_user(cls, password: SecretRef | None, info: ValidationInfo) -> SecretRef | None:
        if password is not None and info.data.get("username") is None:
            raise ValueError("has no effect without a `username` (add it)")
        return password

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self.reached_port}"

    @property
    def reached_port(self) -> int:
        """The port, whether set or not."""
        return self.port or (_TLS_PORT if self.tls.enabled else _PLAIN_PORT)
