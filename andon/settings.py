"""Settings that every service shares, read once from ``ANDON_*`` environment variables at the edge.

Nested fields are joined by ``__``: ``ANDON_KAFKA__BOOTSTRAP_SERVERS=broker-1:9092,broker-2:9092``.
A secret can come from a file instead: put it in a file named like its variable (lower case will do) in the
directory that ``ANDON_SECRETS_DIR`` names. Secrets are masked in every log and repr.

What is wrong with a field is reported under its own variable, so a rule that joins two fields is checked by the
validator of the second one.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from andon.connection import FilePath, Group, GrpcTlsSettings, SaslSettings, Secret, Text, TlsSettings, check_dsn
from andon.errors import ConfigError
from andon.units import Duration

#: Prefix of every variable.
PREFIX = "ANDON_"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"


class KafkaSettings(Group):
    """How to reach Kafka, and how to treat it."""

    bootstrap_servers: Text = "127.0.0.1:9092"
    """host:port, several separated by commas."""
    tls: TlsSettings = TlsSettings()
    sasl: SaslSettings = SaslSettings()
    idempotent: bool = True
    """Idempotent producer: retries inside a session never duplicate. The embedded broker cannot."""
    compression: Literal["none", "gzip", "lz4", "zstd"] = "none"
    """How record batches are compressed."""
    partitions: int = Field(default=8, ge=1, le=10_000)
    """Partitions of every topic that does not exist yet; equal across a site's topics."""
    replication: int = Field(default=1, ge=1, le=10)
    """Replicas of every topic that does not exist yet."""
    create_topics: bool = True
    """Create missing topics from the catalogue; turn off where an operator owns them."""
    request_timeout: Duration = Field(default=20_000_000, gt=0)
    """A request to the broker that takes longer is tried again."""
    session_timeout: Duration = Field(default=10_000_000, gt=0)
    """A worker that is silent for longer loses its partitions."""
    rebalance_timeout: Duration = Field(default=4_000_000, gt=0)
    """How long the group waits for its workers when partitions are shared out anew."""
    fetch_max_wait: Duration = 500_000
    """How long the broker may hold a fetch while there is nothing new."""
    max_batch_bytes: int = Field(default=900_000, ge=16_384)
    """Largest record batch sent; must be below the broker's message.max.bytes."""

    @field_validator("bootstrap_servers")
    @classmethod
    def _servers_have_ports(cls, servers: str) -> str:
        for server in servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{server.strip()!r} is not host:port")
        return servers

    @field_validator("compression")
    @classmethod
    def _can_be_done(cls, compression: str) -> str:
        if compression in ("lz4", "zstd") and find_spec("cramjam") is None:
            raise ValueError(
                f"{compression} needs a package that is not installed: pip install 'aiokafka[{compression}]'"
            )
        return compression

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


class DatabaseSettings(Group):
    """PostgreSQL, with TimescaleDB where the extension is there."""

    dsn: Secret | None = None
    """postgresql://user:password@host:port/database; masked everywhere."""
    tls: TlsSettings = TlsSettings()
    migrate: bool = True
    """Bring the database's schema up to date at the start; turn off where a job of its own does."""
    connections: int = Field(default=4, ge=1, le=100)
    """Most connections that a service opens."""
    timeout: Duration = Field(default=10_000_000, gt=0)
    """A database that takes longer to connect is away."""
    statement_timeout: Duration = Field(default=60_000_000, gt=0)
    """A statement that takes longer is given up."""

    @field_validator("dsn")
    @classmethod
    def _is_postgresql(cls, dsn: SecretStr | None) -> SecretStr | None:
        return check_dsn(dsn) if dsn else None


class TracingSettings(Group):
    """Traces over OTLP; see docs/tracing.md."""

    endpoint: Text | None = None
    """host:port of an OpenTelemetry collector (gRPC); no spans are made when not set."""
    tls: GrpcTlsSettings = GrpcTlsSettings()
    authorization: Secret | None = None
    """Value of the header `authorization`, where the collector wants one."""
    ratio: float = Field(default=0.001, ge=0, le=1)
    """Share of frames whose way is traced; ingest decides, all others follow."""
    timeout: Duration = Field(default=5_000_000, gt=0)
    """A collector that does not take spans in this time loses them."""

    @field_validator("endpoint")
    @classmethod
    def _can_be_reached(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        host, _, port = endpoint.rpartition(":")
        if not host or not port.isdigit() or "/" in host:
            raise ValueError(f"{endpoint!r} is not host:port")
        if find_spec("opentelemetry") is None:
            raise ValueError("traces need packages that are not installed: pip install 'andon[tracing]'")
        return endpoint


class TelemetrySettings(Group):
    """Metrics, health, logs and traces."""

    host: Text = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from outside the pod
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """/metrics, /healthz and /readyz; 0 takes any free port."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is written."""
    log_format: Literal["json", "console"] = "json"
    """json for machines, console for people."""
    progress_timeout: Duration = Field(default=60_000_000, gt=0)
    """A worker with lag that does not advance for this long is not live."""
    tracing: TracingSettings = TracingSettings()


class RuntimeSettings(Group):
    """The batch runtime."""

    poll_records: int = Field(default=20_000, ge=1, le=100_000)
    """Most records that one poll brings; less than a fetch brought of a partition cuts that into small batches."""
    linger: Duration = 20_000
    """Shortest time between two polls while they bring little: more of it saves CPU and adds to latency."""
    in_flight: int = Field(default=2, ge=1, le=100)
    """Batches per partition that may wait for the broker's acknowledgement; more are not read."""
    tick: Duration = Field(default=1_000_000, gt=0)
    """How often stages are told the time."""
    commit_interval: Duration = Field(default=1_000_000, gt=0)
    """How often what is done is committed to the broker."""
    stop_deadline: Duration = 20_000_000
    """Budget for a whole graceful stop."""


class Settings(BaseSettings):
    """Base of every service's settings; unknown ``ANDON_*`` names of other services are left alone."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    plant: FilePath = Path("plant.yaml")
    """The plant model."""
    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    runtime: RuntimeSettings = RuntimeSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then the environment, then files of secrets, nested fields too."""
        return init_settings, env_settings, NestedSecretsSettingsSource(file_secret_settings)


SettingsType = TypeVar("SettingsType", bound=Settings)


def read_settings(kind: type[SettingsType]) -> SettingsType:
    """Read the environment, and the files in the directory that ``ANDON_SECRETS_DIR`` names.

    Raises:
        ConfigError: lists every wrong value by the name of its variable, without showing secrets.
    """
    secrets = os.environ.get(SECRETS_DIR)
    if secrets is not None and not Path(secrets).is_dir():
        raise ConfigError(f"{SECRETS_DIR}: {secrets!r} is no directory")
    try:
        return kind(_secrets_dir=secrets)
    except ValidationError as error:
        raise ConfigError(_explain(kind, error)) from None
    except SettingsError as error:
        hint = f"set the fields of a group one by one, such as {PREFIX}KAFKA__BOOTSTRAP_SERVERS"
        raise ConfigError(f"settings cannot be read: {error}; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, OSError) else "a file is no UTF-8 text"  # which would show the bytes
        raise ConfigError(f"{SECRETS_DIR}: files in {secrets} cannot be read: {reason}") from None


def _explain(kind: type[Settings], error: ValidationError) -> str:
    findings = [
        f"  {_variable(kind, finding['loc'])}: {finding['msg'].removeprefix('Value error, ')}"
        for finding in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "settings are not valid; correct these environment variables:\n" + "\n".join(findings)


def _variable(kind: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """Return the variable of a finding's place; behind the field, pydantic names what of the value is wrong."""
    names: list[str] = []
    group: Any = kind
    for part in place:
        names.append(str(part).upper())
        field = group.model_fields.get(part)
        group = field.annotation if field else None
        if not (isinstance(group, type) and issubclass(group, BaseModel)):
            break
    return PREFIX + "__".join(names)


__all__ = [
    "PREFIX",
    "DatabaseSettings",
    "KafkaSettings",
    "RuntimeSettings",
    "SaslSettings",
    "Settings",
    "TelemetrySettings",
    "TlsSettings",
    "TracingSettings",
    "read_settings",
]
