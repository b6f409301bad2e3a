"""The trust file: whose keys and certificates count, for which roles, and which never again.

Somebody may hold both roles, to approve what others made; nobody approves their own, see `check_four_eyes`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, model_validator

from andon.connection import Group, Text
from andon.signing.claim import Role, Sha256
from andon.signing.keys import fingerprint, read_certificates, read_public_key

_BEGIN = "-----BEGIN "
#: A key or a certificate has some hundred bytes.
_MAX_BYTES = 64 * 2**10


def _pem(value: object, info: ValidationInfo) -> bytes:
    """Return PEM text that stands here, or in a file that is named here relative to the trust file."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is neither PEM text nor the name of a file that holds it")
    if value.lstrip().startswith(_BEGIN):
        return value.encode()
    path = Path((info.context or {}).get("folder", ".")) / value
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None


def _public_key(value: object, info: ValidationInfo) -> ec.EllipticCurvePublicKey:
    return read_public_key(_pem(value, info))


def _root(value: object, info: ValidationInfo) -> x509.Certificate:
    """Return the certificate of a root authority: a chain must end somewhere, and others cannot be its end."""
    found = read_certificates(_pem(value, info))
    if len(found) != 1:
        raise ValueError(f"holds {len(found)} certificates; give each authority an entry of its own")
    try:
        constraints = found[0].extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca or found[0].issuer != found[0].subject:
        raise ValueError("is no certificate of a root authority: put the root here, and those between in the signature")
    return found[0]


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
"""ISO 8601, UTC when without an offset."""


class TrustedKey(Group):
    """A person's, or a pipeline's, key."""

    name: Text
    """Whose it is: the signer's identity. Several keys of one person have the same name."""
    roles: tuple[Role, ...] = Field(min_length=1)
    """As what it signs."""
    public_key: Annotated[ec.EllipticCurvePublicKey, PlainValidator(_public_key)]
    """PEM text, or a file that holds it."""
    not_after: Moment | None = None
    """From then on it does not count, whenever something was signed with it."""

    @property
    def fingerprint(self) -> str:
        """Names the key in signatures and revocations."""
        return fingerprint(self.public_key)


class Authority(Group):
    """A certificate authority, and whom of those that it certifies to trust."""

    name: Text
    """How to call it in errors."""
    certificate: Annotated[x509.Certificate, PlainValidator(_root)]
    """The root's certificate: PEM text, or a file that holds it."""
    authors: tuple[Text, ...] = ()
    """Whose certificates sign as author: mail address, URI, DNS name, or whole subject such as `CN=anna,O=acme`."""
    approvers: tuple[Text, ...] = ()
    """Whose certificates sign as approver."""

    def subjects(self, role: Role) -> tuple[str, ...]:
        """Return who may sign in *role*."""
        return self.authors if role is Role.AUTHOR else self.approvers


class Revocation(Group):
    """A key that never counts again, whenever something was signed with it."""

    key: Sha256
    """SHA-256 of the public key, of a signer or an authority, as `andon bundle keygen` and `verify` show it."""
    reason: Text
    """Why, for whoever is refused."""
    since: Moment
    """When it was revoked."""


class TrustFile(Group):
    """Who may sign what."""

    keys: tuple[TrustedKey, ...] = ()
    authorities: tuple[Authority, ...] = ()
    revoked: tuple[Revocation, ...] = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not self.keys and not self.authorities:
            raise ValueError("names nobody to trust (add `keys` or `authorities`)")
        if twice := _first_repeated([each.fingerprint for each in self.keys]):
            raise ValueError(f"key {twice} is there twice (remove one; an entry can have both roles)")
        if twice := _first_repeated([each.certificate for each in self.authorities]):
            raise ValueError(f"the authority {twice.subject.rfc4514_string()} is there twice (remove one)")
        return self


def _first_repeated(values: list[Any]) -> Any:
    return next((value for index, value in enumerate(values) if value in values[:index]), None)
