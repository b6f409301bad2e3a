"""Certificates: their expiry is shown, wherever in the settings they are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from andon.connection import ServerTlsSettings, TlsSettings
from andon.errors import ConfigError
from andon.settings import DatabaseSettings, KafkaSettings, Settings
from andon.telemetry import Metrics
from andon.telemetry.certificates import show_certificates
from sandbox.authority import Authority

NAME = "andon_certificate_expiry_seconds"


def shown(metrics: Metrics) -> dict[str, float]:
    samples = (sample for family in metrics.registry.collect() for sample in family.samples)
    return {sample.labels["file"]: sample.value for sample in samples if sample.name == NAME}


def ends(file: Path) -> float:
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()


def test_every_certificate_of_the_settings_is_shown_with_its_end(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair, server = authority.issue("kafka"), authority.issue("server")
    client = TlsSettings(enabled=True, ca_file=authority.file, cert_file=pair.cert, key_file=pair.key)
    own = ServerTlsSettings(cert_file=server.cert, key_file=server.key, client_ca_file=authority.file)
    settings = Settings(kafka=KafkaSettings(tls=client), database=DatabaseSettings())
    metrics = Metrics("x")
    show_certificates(metrics, settings, own)
    assert shown(metrics) == {str(file): ends(file) for file in (authority.file, pair.cert, server.cert)}


def test_a_chain_ends_with_its_first_and_authorities_with_their_last(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    old, new = authority.issue("old"), Authority(tmp_path / "next")
    both = tmp_path / "both.pem"
    both.write_bytes(old.cert.read_bytes() + new.file.read_bytes())
    metrics = Metrics("x")
    show_certificates(metrics, ServerTlsSettings(cert_file=both, key_file=old.key, client_ca_file=new.file))
    assert shown(metrics)[str(both)] == min(ends(old.cert), ends(new.file))
    show_certificates(metrics, TlsSettings(enabled=True, ca_file=both))
    assert shown(metrics)[str(both)] == max(ends(old.cert), ends(new.file))


def test_without_tls_nothing_is_shown() -> None:
    metrics = Metrics("x")
    show_certificates(metrics, Settings())
    assert shown(metrics) == {}


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_that_is_no_certificate_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "tls.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"certificate file .*tls\.pem cannot be used"):
        show_certificates(Metrics("x"), TlsSettings(enabled=True, ca_file=file))
