"""An author, an approver, a certificate authority and the trust file that names them: made by the tests themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from andon.models import save_bundle
from andon.signing import Role, Signer, Trust, generate_key
from tests.models.sample import bundle

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
AUTHOR, APPROVER = Role.AUTHOR, Role.APPROVER
ANNA, PAUL = "anna@acme.example", "paul@acme.example"


def new_bundle(folder: Path) -> Path:
    return save_bundle(bundle(), folder)


@dataclass(frozen=True)
class People:
    """A folder with the keys of anna, an author, and of paul, an approver; the trust file is in it too."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> People:
        for name in ("anna", "paul"):
            generate_key(name, folder)
        return cls(folder)

    @property
    def keys(self) -> list[dict[str, Any]]:
        return [
            {"name": "anna", "roles": ["author"], "public_key": "anna.pub"},
            {"name": "paul", "roles": ["approver"], "public_key": "paul.pub"},
        ]

    def signer(self, name: str) -> Signer:
        return Signer.load(self.folder / f"{name}.key")

    def trusting(self, **content: Any) -> Trust:
        """Return what a trust file with *content* trusts; by default anna's and paul's keys."""
        return Trust.load(self.write(content or {"keys": self.keys}))

    def write(self, content: dict[str, Any]) -> Path:
        path = self.folder / "trust.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path


@dataclass(frozen=True)
class Certified:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write key and certificate to files."""
        key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        certificate.write_text(self.pem)
        return key, certificate


def certified(
    name: str, issuer: Certified | None = None, *, mail: str = "", days: int = 10, signs: bool = True
) -> Certified:
    """Certify *name*: an authority, or the owner of a mail address; signed by itself or by *issuer*.

    Args:
        days: how long it is valid from now on; it began twenty days ago.
        signs: whether its key may sign anything but certificates.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, parent = (issuer.key, issuer.certificate.subject) if issuer else (key, subject)
    authority = not mail
    builder = x509.CertificateBuilder(parent, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - 20 * DAY).not_valid_after(NOW + days * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    usage = x509.KeyUsage(signs and not authority, False, False, False, not signs, authority, authority, False, False)
    builder = builder.add_extension(usage, critical=True)
    if mail:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.RFC822Name(mail)]), critical=False)
    return Certified(builder.sign(by, hashes.SHA256()), key)
