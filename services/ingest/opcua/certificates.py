"""Certificates in files: Andon's own, which it makes when there is none, and those of others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from andon.errors import ConfigError

_VALID = timedelta(days=5 * 365)
_KEY_BITS = 2048
_PEM = b"-----BEGIN"


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """The application certificate that servers know Andon by.

    Attributes:
        file: where it is, DER.
        key_file: where its private key is, PEM.
        uri: the application URI in it.
        expires: when it stops being valid.
    """

    file: Path
    key_file: Path
    uri: str
    expires: datetime


def own_certificate(folder: Path, uri: str | None, host: str, now: datetime) -> OwnCertificate:
    """Return the application certificate of a folder; make one, signed by itself, when there is none.

    Args:
        folder: holds `andon.der` and `andon.pem`, or is to hold them.
        uri: the application URI that must be in it; None takes what is there, and ``urn:HOST:andon:ingest`` for a new.
        host: name of this machine, for a new one.
        now: the time.

    Raises:
        ConfigError: the files cannot be used together, now, for this URI.
    """
    file, key_file = folder / "andon.der", folder / "andon.pem"
    if not file.exists() and not key_file.exists():
        _make(file, key_file, uri or application_uri(host), host, now)
    elif not (file.exists() and key_file.exists()):
        there, missing = (file, key_file) if file.exists() else (key_file, file)
        raise ConfigError(
            f"{there} is there, but {missing} is not: bring it back, or remove both to have new ones made"
        )
    certificate, _ = load_pair(file, key_file, None)
    remedy = f"remove {file} and {key_file} to have new ones made, which each server must be told to trust"
    if certificate.not_valid_after_utc < now:
        raise ConfigError(
            f"the application certificate {file} expired on {certificate.not_valid_after_utc:%F}: {remedy}"
        )
    uris = alternative_names(certificate, x509.UniformResourceIdentifier)
    if not uris or uri not in (None, uris[0]):
        raise ConfigError(f"the application certificate {file} is for {uris[0] if uris else 'no URI'}: {remedy}")
    return OwnCertificate(file, key_file, uris[0], certificate.not_valid_after_utc)


def application_uri(host: str) -> str:
    """Return the URI that servers know this application by, when none is configured."""
    return f"urn:{host}:andon:ingest"


def load_pair(file: Path, key_file: Path, password: str | None) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Return a certificate and its private key, each PEM or DER.

    Raises:
        ConfigError: a file cannot be read, the password is wrong, or they do not belong together.
    """
    certificate = load_certificate(file)
    try:
        content = key_file.read_bytes()
        load = load_pem_private_key if content.startswith(_PEM) else load_der_private_key
        key = load(content, password.encode() if password else None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"private key {key_file} cannot be used (is its password right?): {error}") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError(f"private key {key_file} is no RSA key, which all security policies here need")
    if _public(key.public_key()) != _public(certificate.public_key()):
        raise ConfigError(
            f"private key {key_file} is not that of the certificate {file}: give the two that belong together"
        )
    return certificate, key


def load_certificate(file: Path) -> x509.Certificate:
    """Return a certificate, PEM or DER.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        content = file.read_bytes()
        pem = content.startswith(_PEM)
        return x509.load_pem_x509_certificate(content) if pem else x509.load_der_x509_certificate(content)
    except (OSError, ValueError) as error:
        raise ConfigError(f"certificate {file} cannot be used: {error}") from None


def store(certificate: x509.Certificate, folder: Path) -> Path:
    """Write a certificate to a folder, named after its subject and fingerprint; return the file.

    Raises:
        ConfigError: it cannot be written.
    """
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    subject = "".join(c if c.isalnum() else "-" for c in str(names[0].value)) if names else "server"
    file = folder / f"{subject[:40]}-{fingerprint(certificate)[:16]}.der"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(certificate.public_bytes(Encoding.DER))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from None
    return file


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate, hexadecimal, by which people compare it."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def alternative_names(
    certificate: x509.Certificate, kind: type[x509.UniformResourceIdentifier | x509.DNSName | x509.IPAddress]
) -> list[str]:
    """Return the names of one kind that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [str(name) for name in names.value.get_values_for_type(kind)]


def _make(file: Path, key_file: Path, uri: str, host: str, now: datetime) -> None:
    """Make key and certificate as OPC UA part 6, 6.2.2 asks for."""
    key = rsa.generate_private_key(65537, _KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Andon@{host}"[:64])])
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # for servers whose clock is behind
        .not_valid_after(now + _VALID)
    )
    for extension in _extensions(key, uri, host):
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
        file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    except OSError as error:
        raise ConfigError(f"the application certificate {file} cannot be written: {error.strerror}") from None


def _extensions(key: rsa.RSAPrivateKey, uri: str, host: str) -> list[x509.ExtensionType]:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return [
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName(host)]),
        x509.KeyUsage(True, True, True, True, False, True, False, False, False),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
        identifier,
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
    ]


def _public(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
