"""Certificates of signers: whether a chain leads to a trusted root today, and whom the first one names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from andon.errors import SignatureError
from andon.signing.keys import read_certificate

#: What certificates say beyond their place in the chain, `model-signing` checks: here issuers must be issuers.
_ISSUERS = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
_SIGNERS = ExtensionPolicy.permit_all()


def read_chain(encoded: Iterable[bytes]) -> list[x509.Certificate]:
    """Return certificates from their DER form.

    Raises:
        SignatureError: one cannot be read.
    """
    try:
        return [read_certificate(each) for each in encoded]
    except ValueError as error:
        raise SignatureError(f"{error}; sign again") from None


def chain_to_root(
    chain: list[x509.Certificate], roots: Iterable[x509.Certificate], moment: datetime
) -> list[x509.Certificate]:
    """Return the way from the signer's certificate to a trusted root, both included (RFC 5280, section 6).

    Without a trusted timestamp nobody can prove that a signature is older than its certificate's end, so what counts is
    whether all certificates are valid now.

    Args:
        chain: the signer's certificate first, then any above it.
        roots: what is trusted.
        moment: now.

    Raises:
        SignatureError: there is no such way, or one of the certificates has expired or is not valid yet.
    """
    policy = PolicyBuilder().store(Store(list(roots))).time(moment)
    policy = policy.extension_policies(ca_policy=_ISSUERS, ee_policy=_SIGNERS)
    try:
        return policy.build_client_verifier().verify(chain[0], chain[1:]).chain
    except VerificationError as error:
        reason = _outside(chain, moment) or f"does not lead to a trusted authority ({error})"
        raise SignatureError(
            f"the certificate of {chain[0].subject.rfc4514_string()!r} {reason}; sign again with one that is valid and "
            "comes with all between it and an authority of the trust file"
        ) from None


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return whom a certificate names: mail addresses, URIs, DNS names, then its subject (RFC 4514)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        alternatives: list[str] = []
    else:
        kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
        alternatives = [name for kind in kinds for name in found.get_values_for_type(kind)]
    return (*alternatives, certificate.subject.rfc4514_string())


def _outside(chain: list[x509.Certificate], moment: datetime) -> str | None:
    for each in chain:
        if not each.not_valid_before_utc <= moment <= each.not_valid_after_utc:
            return f"or one above it is valid only from {each.not_valid_before_utc} to {each.not_valid_after_utc}"
    return None
