"""Somebody's private key, ready to sign."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from andon.connection import Secret
from andon.errors import SigningError
from andon.signing.claim import Claim, Role
from andon.signing.document import MAX_BYTES, SignatureDocument
from andon.signing.files import file_digests
from andon.signing.keys import certified_key, fingerprint, read_certificates, read_private_key
from andon.signing.sealing import seal


class Signer:
    """Signs bundles with a private key, which stays in its file; make one with `load`.

    Attributes:
        key: SHA-256 of its public half, as in `andon.signing.Signature`.
    """

    def __init__(self, file: Path, key: str, password: bytes | None, chain: tuple[bytes, ...]) -> None:
        self.key = key
        self._file, self._password, self._chain = file, password, chain

    @classmethod
    def load(cls, key: Path, password: Secret | None = None, chain: tuple[Path, ...] = ()) -> Self:
        """Check that a key can sign.

        Args:
            key: file of the private key, PEM.
            password: of the key, if it is encrypted.
            chain: files of certificates, PEM: the signer's first, then those above it, without the root.

        Raises:
            SigningError: a file cannot be read or used, the password is missing or wrong, or the first certificate is
                for another key.
        """
        secret = password.get_secret_value().encode() if password else None
        public = _fingerprint(key, secret)
        return cls(key, public, secret, _read_chain(chain, public))

    def sign(self, bundle: Path, role: Role, statement: Mapping[str, str | int | bool] | None = None) -> bytes:
        """Sign all files of a bundle.

        Args:
            bundle: its folder.
            role: as what.
            statement: what to sign besides, such as what is approved.

        Returns:
            The signature document, to be kept beside the bundle's files.

        Raises:
            BundleError: the folder holds no bundle, or more than one.
            SigningError: the statement or the chain is too long or of other types, or the key cannot be used.
        """
        try:
            claim = Claim(role=role, key=self.key, files=file_digests(bundle), statement=dict(statement or {})).text
            claim.encode()  # half a pair of surrogates is no text
        except (ValidationError, UnicodeEncodeError):
            raise SigningError(f"{statement} cannot be signed: only texts, whole numbers, true and false can") from None
        if _fingerprint(self._file, self._password) != self.key:
            raise SigningError(f"{self._file} holds another key than before; start again")
        sigstore = seal(claim, self._file, self._password)
        content = SignatureDocument(
            claim=claim, sigstore=sigstore.with_chain(self._chain) if self._chain else sigstore
        ).content
        if len(content) > MAX_BYTES:
            raise SigningError(f"the signature would have {len(content)} bytes, at most {MAX_BYTES} are read; say less")
        return content


def _fingerprint(file: Path, password: bytes | None) -> str:
    try:
        return fingerprint(read_private_key(_read(file), password).public_key())
    except ValueError as error:
        raise SigningError(f"{file} {error}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SigningError(f"{path} cannot be read: {error.strerror}") from None


def _read_chain(files: tuple[Path, ...], key: str) -> tuple[bytes, ...]:
    """Return the certificates in *files* (DER), which must begin with that of *key*."""
    certificates = []
    for path in files:
        try:
            certificates += read_certificates(_read(path))
        except ValueError as error:
            raise SigningError(f"{path} {error}") from None
    try:
        if certificates and fingerprint(certified_key(certificates[0])) != key:
            raise ValueError("is for another key: name the signer's own certificate first")
    except ValueError as error:
        raise SigningError(f"certificate {files[0]} {error}") from None
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)
