"""Makes certificates for tests."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

URI = "urn:vendor.example:server"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def show(self, folder: Path) -> None:
        """Write the certificate to a folder of certificates."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.certificate.serial_number:x}.der").write_bytes(self.encoded)

    @property
    def encoded(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write both to files: certificate and key."""
        folder.mkdir(parents=True, exist_ok=True)
        file, key_file = folder / f"{name}.der", folder / f"{name}.pem"
        file.write_bytes(self.encoded)
        key_file.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return file, key_file


def identity(name: str, issuer: Identity | None = None, *, host: str = "127.0.0.1", days: int = 10) -> Identity:
    """Make a certificate, signed by itself or by *issuer*; of a CA if it has no host."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signer = issuer.key if issuer else key
    builder = x509.CertificateBuilder(
        issuer.certificate.subject if issuer else subject, subject, key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now - 20 * DAY).not_valid_after(now + days * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=not host, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    if host:
        names = [x509.UniformResourceIdentifier(URI), x509.IPAddress(ipaddress.ip_address(host))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    else:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return Identity(builder.sign(signer, hashes.SHA256()), key)


def revocation_list(issuer: Identity, revoked: Identity) -> bytes:
    """Make a list of one revoked certificate, DER."""
    now = datetime.now(UTC)
    entry = x509.RevokedCertificateBuilder(revoked.certificate.serial_number, now).build()
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, now, now + DAY)
    return builder.add_revoked_certificate(entry).sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)
