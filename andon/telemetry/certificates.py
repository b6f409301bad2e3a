"""When the certificates expire that a service uses, as its metrics show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from pydantic import BaseModel

from andon.connection import ServerTlsSettings, TlsSettings
from andon.errors import ConfigError
from andon.telemetry.metrics import Metrics


def show_certificates(metrics: Metrics, *groups: BaseModel) -> None:
    """Show the expiry of every certificate that the TLS settings in *groups* name.

    It is read once, as the certificates themselves are: a renewed file counts from the service's next start on.

    Raises:
        ConfigError: a file cannot be read or holds no certificate.
    """
    for file, expires in _expiries(groups):
        metrics.set("andon_certificate_expiry_seconds", expires, file=str(file))


def _expiries(groups: Iterable[BaseModel]) -> Iterator[tuple[Path, float]]:
    for tls in _tls_settings(groups):
        authorities = tls.ca_file if isinstance(tls, TlsSettings) else tls.client_ca_file
        if tls.cert_file:
            yield tls.cert_file, min(_ends(tls.cert_file))  # a chain holds as long as its weakest link
        if authorities:
            yield authorities, max(_ends(authorities))  # of several authorities, old ones may have expired


def _tls_settings(values: Iterable[Any]) -> Iterator[TlsSettings | ServerTlsSettings]:
    """Yield the TLS settings among *values* and, at any depth, inside of them."""
    for value in values:
        if isinstance(value, TlsSettings | ServerTlsSettings):
            yield value
        elif isinstance(value, BaseModel):
            yield from _tls_settings(content for _, content in value)
        elif isinstance(value, list | tuple):
            yield from _tls_settings(value)


def _ends(file: Path) -> list[float]:
    try:
        certificates = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"certificate file {file} cannot be used: {error}") from error
    return [certificate.not_valid_after_utc.timestamp() for certificate in certificates]
