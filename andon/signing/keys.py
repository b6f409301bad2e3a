"""Keys and certificates: PEM text -> checked objects, with words for what is wrong."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

#: The curves that `model-signing` signs with: NIST P-256, P-384 and P-521.
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_PRIVATE = b"PRIVATE KEY-----"
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
#: What parts of a certificate raise when they are parsed; they share no base class.
_UNREADABLE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_CURVES_WANTED = "only elliptic curve keys on P-256, P-384 or P-521 sign bundles; `andon bundle keygen` makes one"

PublicKey = ec.EllipticCurvePublicKey


def read_private_key(pem: bytes, password: bytes | None) -> ec.EllipticCurvePrivateKey:
    """Return the private key in PEM text.

    Raises:
        ValueError: there is none, the password is missing or wrong, or it is of another kind.
    """
    if _PRIVATE not in pem:
        raise ValueError("holds no private key; name the file that `andon bundle keygen` wrote as NAME.key")
    try:
        key = load_pem_private_key(pem, password)
    except TypeError:  # one of the two is there without the other
        wanted = "is encrypted; give its password" if password is None else "is not encrypted; give no password"
        raise ValueError(wanted) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("cannot be read: the password is wrong, or the file is damaged") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(_CURVES_WANTED)
    _checked(key.public_key())
    return key


def read_public_key(pem: bytes) -> PublicKey:
    """Return the public key in PEM text.

    Raises:
        ValueError: there is none, it is a private one, or it is of another kind.
    """
    if _PRIVATE in pem:
        raise ValueError(
            "is a private key, which nobody but its owner may have: put its public half here (the file NAME.pub of "
            "`andon bundle keygen`), and make a new pair if others could read this file"
        )
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no public key in PEM form (-----BEGIN PUBLIC KEY-----)") from None
    return _checked(key)


def read_certificates(pem: bytes) -> list[x509.Certificate]:
    """Return the certificates in PEM text.

    Raises:
        ValueError: there is none, or one cannot be read.
    """
    if _CERTIFICATE not in pem:
        raise ValueError("holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    with _readable():
        return [_parsed(each) for each in x509.load_pem_x509_certificates(pem)]


def read_certificate(der: bytes) -> x509.Certificate:
    """Return a certificate from its DER form.

    Raises:
        ValueError: it cannot be read.
    """
    with _readable():
        return _parsed(x509.load_der_x509_certificate(der))


def _parsed(certificate: x509.Certificate) -> x509.Certificate:
    """Look at all that is asked of a certificate later, because it is parsed only then."""
    certificate.public_key()
    for name in (certificate.subject, certificate.issuer):
        name.rfc4514_string()
    list(certificate.extensions)
    return certificate


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Bring the many errors of certificates that cannot be read into one."""
    try:
        yield
    except _UNREADABLE:
        raise ValueError("holds a certificate that cannot be read") from None


def certified_key(certificate: x509.Certificate) -> PublicKey:
    """Return the key that a certificate is for.

    Raises:
        ValueError: it is of a kind that signs no bundles.
    """
    try:
        return _checked(certificate.public_key())
    except UnsupportedAlgorithm:
        raise ValueError(_CURVES_WANTED) from None


def fingerprint(key: PublicKeyTypes) -> str:
    """Return the SHA-256 of a public key (SubjectPublicKeyInfo, DER) in hexadecimal, as revocations name it."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_pem(key: PublicKey) -> bytes:
    """Return a public key as PEM text, in the form whose digest `model-signing` compares."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _checked(key: object) -> PublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _CURVES:
        raise ValueError(_CURVES_WANTED)
    return key
