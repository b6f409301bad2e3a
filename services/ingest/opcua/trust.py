"""Whether a server's certificate is to be trusted. asyncua leaves that to whoever uses it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509 import verification

from andon.errors import ConfigError
from services.ingest.opcua.certificates import alternative_names, load_certificate

_CERTIFICATES = (".der", ".crt", ".cer", ".pem")
_PEM = b"-----BEGIN"


def split_chain(content: bytes) -> list[x509.Certificate]:
    """Return the certificates of a server, its own first, as an endpoint has them: DER, one behind the other.

    Raises:
        ValueError: it is none.
    """
    chain = []
    while content:
        size = _der_size(content)
        chain.append(x509.load_der_x509_certificate(content[:size]))
        content = content[size:]
    return chain


def why_untrusted(chain: Sequence[x509.Certificate], folder: Path, host: str, now: datetime) -> str | None:
    """Return why a server's certificate is not to be trusted, None when it is.

    A certificate that is in the folder itself is trusted as it is. One that is not must be issued by a CA certificate
    there, not be in a revocation list (``.crl``) of the folder, and be for the host: otherwise every machine with a
    certificate of that CA could stand in for every other.

    Args:
        chain: the server's certificate, and those between it and the CA, if there are any.
        folder: holds trusted certificates.
        host: name or IP address by which the server is reached.
        now: the time.

    Raises:
        ConfigError: a file in the folder cannot be used.
    """
    certificate = chain[0]
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return f"is valid from {begin:%F} to {end:%F} only: renew it at the server"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    trusted = [load_certificate(file) for file in files if file.suffix.lower() in _CERTIFICATES]
    if certificate in trusted:
        return None
    if not _is_issued_by(trusted, chain, now):
        return f"is not trusted: neither it nor its issuer is in {folder}"
    if any(_revokes(file, trusted, chain) for file in files if file.suffix.lower() == ".crl"):
        return f"is revoked by a list in {folder}"
    if host.lower() not in (each.lower() for each in _hosts(certificate)):
        return f"is for {', '.join(_hosts(certificate)) or 'no host'}, not for {host}"
    return None


def _der_size(content: bytes) -> int:
    """Return how many bytes the DER value at the start has (X.690, 8.1.3)."""
    if len(content) < 2 or content[1] < 0x80:
        return 2 + (content[1] if len(content) > 1 else 0)
    octets = content[1] & 0x7F
    return 2 + octets + int.from_bytes(content[2 : 2 + octets], "big")


def _is_issued_by(trusted: Sequence[x509.Certificate], chain: Sequence[x509.Certificate], now: datetime) -> bool:
    if not trusted:
        return False
    authority = verification.ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, verification.Criticality.AGNOSTIC, _must_be_authority
    )
    policy = verification.PolicyBuilder().store(verification.Store(list(trusted))).time(now.replace(tzinfo=None))
    verifier = policy.extension_policies(
        ca_policy=authority, ee_policy=verification.ExtensionPolicy.permit_all()
    ).build_client_verifier()
    try:
        verifier.verify(chain[0], list(chain[1:]))
    except verification.VerificationError:
        return False
    return True


def _must_be_authority(_: verification.Policy, __: x509.Certificate, extension: x509.BasicConstraints) -> None:
    if not extension.ca:  # which only newer versions of cryptography see to themselves
        raise ValueError("is no CA certificate")


def _revokes(file: Path, trusted: Sequence[x509.Certificate], chain: Sequence[x509.Certificate]) -> bool:
    """Return whether a list, signed by the issuer itself, revokes a certificate of the chain."""
    try:
        content = file.read_bytes()
        load = x509.load_pem_x509_crl if content.startswith(_PEM) else x509.load_der_x509_crl
        revoked = load(content)
    except (OSError, ValueError) as error:
        raise ConfigError(f"revocation list {file} cannot be used: {error}") from None
    issuers = [each for each in (*trusted, *chain[1:]) if each.subject == revoked.issuer]
    if not any(revoked.is_signature_valid(each.public_key()) for each in issuers):  # type: ignore[arg-type]
        return False
    return any(
        each.issuer == revoked.issuer and revoked.get_revoked_certificate_by_serial_number(each.serial_number)
        for each in chain
    )


def _hosts(certificate: x509.Certificate) -> list[str]:
    return [name for kind in (x509.DNSName, x509.IPAddress) for name in alternative_names(certificate, kind)]
