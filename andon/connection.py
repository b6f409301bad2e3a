"""Settings of secured connections, TLS and SASL, and the kinds of value that all settings use."""

from __future__ import annotations

import contextlib
import ssl
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from andon.errors import ConfigError


def _not_empty(value: object) -> object:
    if value == "":
        raise ValueError("is set to nothing; give it a value or remove it")
    return value


Text = Annotated[str, BeforeValidator(_not_empty)]
"""A text; a variable that is set to nothing is a mistake of whoever filled it in, not a value."""
FilePath = Annotated[Path, BeforeValidator(_not_empty)]
"""A path; not the current directory, which an empty text would be."""
Secret = Annotated[SecretStr, BeforeValidator(_not_empty)]
"""A text that is masked in every log and repr."""


class Group(BaseModel):
    """Fields that share a prefix; frozen, and a name that it does not know is an error."""

    # Errors of pydantic's own quote what was given, which may be a secret.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


class ClientTls(Group):
    """TLS towards a server, the same shape for every protocol and wherever it is written."""

    enabled: bool = False
    """Whether to speak TLS at all."""
    ca_file: FilePath | None = None
    """CA certificates (PEM) to trust; the system's own when not set."""
    cert_file: FilePath | None = None
    """Client certificate (PEM) for mutual TLS."""
    key_file: FilePath | None = Field(default=None, validate_default=True)
    """Its private key (PEM)."""
    check_hostname: bool = True
    """Whether the server's certificate must be for the name that it is reached by."""

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _is_used(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and not info.data.get("enabled", True):
            raise ValueError("has no effect while TLS is off: set `enabled` too, or remove it")
        return file

    @field_validator("key_file")
    @classmethod
    def _is_pair(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        return _paired(file, info)

    def context(self) -> ssl.SSLContext | None:
        """Return the SSL context, or None when TLS is off.

        Raises:
            ConfigError: a file is missing or holds no usable certificate or key.
        """
        if not self.enabled:
            return None
        with _usable(self.ca_file):
            context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            _load_pair(context, self.cert_file, self.key_file, self._key_password())
        context.check_hostname = self.check_hostname
        return context

    @abstractmethod
    def _key_password(self) -> SecretStr | None:
        """Return the password of the private key."""


class TlsSettings(ClientTls):
    """TLS towards a server, in settings."""

    key_password: Secret | None = None
    """Password of the private key, when it is encrypted."""

    def _key_password(self) -> SecretStr | None:
        return self.key_password


class GrpcTlsSettings(TlsSettings):
    """TLS towards a gRPC server."""

    check_hostname: Literal[True] = True
    """The certificate must be for the name that the server is reached by; gRPC knows no other way."""


class ServerTlsSettings(Group):
    """TLS of a server that others connect to; TLS is on when it has a certificate."""

    cert_file: FilePath | None = None
    """The server's certificate (PEM) with those between it and the CA; no TLS when not set."""
    key_file: FilePath | None = Field(default=None, validate_default=True)
    """Its private key (PEM)."""
    key_password: Secret | None = None
    """Password of the private key, when it is encrypted."""
    client_ca_file: FilePath | None = None
    """CA certificates (PEM) that sign clients' certificates; clients need none when not set."""

    @field_validator("key_file")
    @classmethod
    def _is_pair(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        return _paired(file, info)

    @field_validator("client_ca_file")
    @classmethod
    def _is_used(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and info.data.get("cert_file") is None:
            raise ValueError("has no effect without TLS: set `cert_file` and `key_file` too, or remove it")
        return file

    def context(self) -> ssl.SSLContext | None:
        """Return the SSL context, or None when TLS is off.

        Raises:
            ConfigError: a file is missing or holds no usable certificate or key.
        """
        if self.cert_file is None:
            return None
        with _usable(self.client_ca_file):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_ca_file)
        _load_pair(context, self.cert_file, self.key_file, self.key_password)
        context.verify_mode = ssl.CERT_REQUIRED if self.client_ca_file else ssl.CERT_NONE
        return context


def check_dsn(dsn: SecretStr) -> SecretStr:
    """Return the address of a PostgreSQL database, if it is one and leaves TLS to its settings.

    Raises:
        ValueError: says what is wrong with it, but not what it is.
    """
    try:
        url = urlsplit(dsn.get_secret_value())
    except ValueError:  # whose words would show it
        raise ValueError("is no address: host or password hold characters that must be percent-encoded") from None
    if url.scheme not in ("postgresql", "postgres"):
        raise ValueError("does not begin with postgresql://")
    if found := sorted(name for name in parse_qs(url.query) if name.startswith("ssl")):
        raise ValueError(f"holds {', '.join(found)}: remove it, and set `tls` beside it, as for every other protocol")
    return dsn


def _paired(key_file: Path | None, info: ValidationInfo) -> Path | None:
    if (key_file is None) != (info.data.get("cert_file") is None):
        raise ValueError("`cert_file` and `key_file` go together: set both or none")
    return key_file


def _load_pair(context: ssl.SSLContext, cert_file: Path, key_file: Path | None, key_password: SecretStr | None) -> None:
    password = key_password.get_secret_value() if key_password else ""
    with _usable(cert_file, key_file, hint=" (do they belong together, and is `key_password` right?)"):
        # A function, because without any password OpenSSL would ask for one at the terminal and wait.
        context.load_cert_chain(cert_file, key_file, lambda: password)


@contextlib.contextmanager
def _usable(*files: Path | None, hint: str = "") -> Iterator[None]:
    try:
        yield
    except (OSError, ssl.SSLError) as error:
        names = " and ".join(str(file) for file in files if file) or "of the system"
        raise ConfigError(f"TLS files {names} cannot be used{hint}: {error}") from error


class SaslSettings(Group):
    """SASL login at the Kafka broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """How to log in; no login when not set."""
    username: Text | None = Field(default=None, validate_default=True)
    """The name to log in with."""
    password: Secret | None = Field(default=None, validate_default=True)
    """Its password."""

    @field_validator("username", "password")
    @classmethod
    def _is_complete(cls, value: str | SecretStr | None, info: ValidationInfo) -> str | SecretStr | None:
        if "mechanism" not in info.data:  # which is reported itself
            return value
        if info.data["mechanism"] and value is None:
            raise ValueError(f"mechanism {info.data['mechanism']} needs a {info.field_name}")
        if not info.data["mechanism"] and value is not None:
            raise ValueError("has no effect without a login: set `mechanism` too, or remove it")
        return value
