"""Settings that every service shares, read once from ``ANDON_*`` environment variables at the edge.

Nested fields are joined by ``__``: ``ANDON_KAFKA__BOOTSTRAP_SERVERS=broker-1:9092,broker-2:9092``.
A secret can come from a file instead: put it in a file named like its variable (lower case) in the
directory that ``ANDON_SECRETS_DIR`` names. Secrets are masked in every log and repr.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from andon.errors import ConfigError
from andon.units import Duration


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TlsSettings(_Group):
    """TLS towards a server, the same shape for every protocol."""

    enabled: bool = False
    ca_file: Path | None = None
    """CA certificates (PEM) to trust; the system's own when not set."""
    cert_file: Path | None = None
    """Client certificate (PEM) for mutual TLS."""
    key_file: Path | None = None
    """Its private key (PEM)."""
    key_password: SecretStr | None = None
    check_hostname: bool = True

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        return self

    def context(self) -> ssl.SSLContext | None:
        """Return the SSL context, or None when TLS is off.

        Raises:
            ConfigError: a file is missing or holds no usable certificate or key.
        """
        if not self.enabled:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file:
                password = self.key_password.get_secret_value() if self.key_password else None
                context.load_cert_chain(self.cert_file, self.key_file, password)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(str(f) for f in (self.ca_file, self.cert_file, self.key_file) if f)
            raise ConfigError(f"TLS files {files} cannot be used: {error}") from error
        context.check_hostname = self.check_hostname
        return context


class SaslSettings(_Group):
    """SASL login at the Kafka broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mechanism and not (self.username and self.password):
            raise ValueError(f"mechanism {self.mechanism} needs username and password")
        return self


class KafkaSettings(_Group):
    """How to reach Kafka, and how to treat it."""

    bootstrap_servers: str = "127.0.0.1:9092"
    """host:port, several separated by commas."""
    tls: TlsSettings = TlsSettings()
    sasl: SaslSettings = SaslSettings()
    idempotent: bool = True
    """Idempotent producer: retries inside a session never duplicate. The embedded broker cannot."""
    compression: Literal["none", "gzip", "lz4", "zstd"] = "none"
    partitions: int = Field(default=8, ge=1, le=10_000)
    """Partitions of every topic that does not exist yet; equal across a site's topics."""
    replication: int = Field(default=1, ge=1, le=10)
    """Replicas of every topic that does not exist yet."""
    create_topics: bool = True
    """Create missing topics from the catalogue; turn off where an operator owns them."""
    request_timeout: Duration = 20_000_000
    """A request to the broker that takes longer is tried again."""
    session_timeout: Duration = 10_000_000
    """A worker that is silent for longer loses its partitions."""
    rebalance_timeout: Duration = 4_000_000
    fetch_max_wait: Duration = 500_000
    """How long the broker may hold a fetch while there is nothing new."""
    max_batch_bytes: int = Field(default=900_000, ge=16_384)
    """Largest record batch sent; must be below the broker's message.max.bytes."""

    @model_validator(mode="after")
    def _servers_have_ports(self) -> Self:
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"bootstrap_servers: {server.strip()!r} is not host:port")
        return self

    @property
    def security_protocol(self) -> str:
        """Kafka's name for the combination of TLS and SASL."""
        return ("SASL_" if self.sasl.mechanism else "") + ("SSL" if self.tls.enabled else "PLAINTEXT")

    def client_arguments(self) -> dict[str, Any]:
        """Return what every aiokafka client takes: servers, TLS, SASL, timeout."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
            "ssl_context": self.tls.context(),
            "request_timeout_ms": self.request_timeout // 1_000,
        }
        if self.sasl.mechanism and self.sasl.password:
            arguments |= {
                "sasl_mechanism": self.sasl.mechanism,
                "sasl_plain_username": self.sasl.username,
                "sasl_plain_password": self.sasl.password.get_secret_value(),
            }
        return arguments


class DatabaseSettings(_Group):
    """PostgreSQL, with TimescaleDB where the extension is there."""

    dsn: SecretStr | None = None
    """postgresql://user:password@host:port/database; masked everywhere."""


class TelemetrySettings(_Group):
    """Metrics, health and logs."""

    host: str = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from outside the pod
    port: int = Field(default=8000, ge=0, le=65_535)
    """/metrics, /healthz and /readyz; 0 takes any free port."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    progress_timeout: Duration = 60_000_000
    """A worker with lag that does not advance for this long is not live."""


class RuntimeSettings(_Group):
    """The batch runtime."""

    poll_records: int = Field(default=5_000, ge=1, le=100_000)
    """Most records that one poll brings."""
    in_flight: int = Field(default=2, ge=1, le=100)
    """Batches per partition that may wait for the broker's acknowledgement; more are not read."""
    tick: Duration = 1_000_000
    """How often stages are told the time."""
    commit_interval: Duration = 1_000_000
    stop_deadline: Duration = 20_000_000
    """Budget for a whole graceful stop."""


class Settings(BaseSettings):
    """Base of every service's settings; unknown ``ANDON_*`` names of other services are left alone."""

    model_config = SettingsConfigDict(
        env_prefix="ANDON_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        secrets_dir=os.environ.get("ANDON_SECRETS_DIR"),
    )

    plant: Path = Path("plant.yaml")
    """The plant model."""
    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    runtime: RuntimeSettings = RuntimeSettings()


SettingsType = TypeVar("SettingsType", bound=Settings)


def read_settings(kind: type[SettingsType]) -> SettingsType:
    """Read the environment.

    Raises:
        ConfigError: lists every wrong value by the name of its variable, without showing secrets.
    """
    try:
        return kind()
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    findings = [
        f"  ANDON_{'__'.join(str(part).upper() for part in finding['loc'])}: {finding['msg']}"
        for finding in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "settings are not valid; correct these environment variables:\n" + "\n".join(findings)


__all__ = [
    "DatabaseSettings",
    "KafkaSettings",
    "RuntimeSettings",
    "SaslSettings",
    "Settings",
    "TelemetrySettings",
    "TlsSettings",
    "read_settings",
]
