"""Whether a bundle's signature counts: who signed, whether they may, and whether it is about these files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from andon.clock import Clock, isoformat, to_datetime, to_micros, wall_clock
from andon.errors import BundleError, SignatureError
from andon.plant.document import load_document
from andon.signing.chain import chain_to_root, names, read_chain
from andon.signing.claim import Claim, Role
from andon.signing.document import SigstoreBundle, parse_document
from andon.signing.files import file_digests, read_signature
from andon.signing.keys import fingerprint, public_pem
from andon.signing.sealing import check_by_chain, check_by_key
from andon.signing.trust_file import Authority, TrustFile


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that counts.

    Attributes:
        role: as what it was given.
        signer: who signed: the key's name in the trust file, or whom the certificate names.
        statement: what was signed with the files.
        key: SHA-256 of the public key (SubjectPublicKeyInfo, DER) in hexadecimal.
        files: each file of the bundle with its SHA-256, as signed and as found.
    """

    role: Role
    signer: str
    statement: Mapping[str, str | int | bool]
    key: str
    files: Mapping[str, str]


class Trust:
    """Who may sign what. Safe to share between threads; read anew when its file changes."""

    def __init__(self, file: TrustFile, clock: Clock = wall_clock) -> None:
        self._clock = clock
        self._keys = {each.fingerprint: each for each in file.keys}
        self._authorities = {each.certificate: each for each in file.authorities}
        self._revoked = {each.key: each for each in file.revoked}

    @classmethod
    def load(cls, path: Path, clock: Clock = wall_clock) -> Self:
        """Read a trust file; files that it names are taken relative to its folder.

        Args:
            path: the file.
            clock: says whether keys and certificates are still valid.

        Raises:
            ConfigError: lists every finding as ``FILE:LINE: path.to.field: what is wrong``.
        """
        return cls(load_document(path, TrustFile, hint="name the trust file, see docs/signing.md"), clock)

    def verify(self, bundle: Path, signature: bytes, role: Role) -> Signature:
        """Check that somebody who may do so signed a bundle in a role, and that its files are those signed.

        Args:
            bundle: its folder.
            signature: the signature document; empty for none.
            role: as what it must have been signed.

        Raises:
            SignatureError: it does not count; says why and what to do.
        """
        try:
            return self._verified(bundle, signature, role)
        except BundleError as error:
            raise SignatureError(f"{bundle}: signature of its {role}: {error}") from None

    def verify_kept(self, bundle: Path, role: Role) -> Signature:
        """Do the same with the signature that the bundle's folder keeps, as `andon bundle sign` puts it there.

        Raises:
            SignatureError: there is none, or it does not count; says why and what to do.
        """
        try:
            signature = read_signature(bundle, role)
        except BundleError as error:
            raise SignatureError(f"{bundle}: signature of its {role}: {error}") from None
        return self.verify(bundle, signature, role)

    def _verified(self, bundle: Path, signature: bytes, role: Role) -> Signature:
        document, claim = parse_document(signature)
        if claim.role is not role:
            raise SignatureError(f"was given as {claim.role}, which never counts as {role}; have its {role} sign")
        self._refuse_revoked(claim.key)
        self._refuse_role(claim)
        signer = (self._certified if document.sigstore.chain else self._known)(claim, document.sigstore)
        _check_files(bundle, claim)
        return Signature(role, signer, dict(claim.statement), claim.key, dict(claim.files))

    def _known(self, claim: Claim, sigstore: SigstoreBundle) -> str:
        """Return whose key signed a claim."""
        trusted = self._keys.get(claim.key)
        if trusted is None:
            raise SignatureError(f"key {claim.key} is not in the trust file; sign with one that is")
        if trusted.not_after is not None and to_micros(trusted.not_after) <= self._clock():
            raise SignatureError(
                f"the key of {trusted.name} ended on {isoformat(to_micros(trusted.not_after))}; sign with a new one"
            )
        check_by_key(claim.text, sigstore, public_pem(trusted.public_key))
        return trusted.name

    def _certified(self, claim: Claim, sigstore: SigstoreBundle) -> str:
        """Return whose certificate signed a claim."""
        chain = chain_to_root(read_chain(sigstore.chain), self._authorities, to_datetime(self._clock()))
        for certificate in chain:
            self._refuse_revoked(fingerprint(certificate.public_key()))
        if fingerprint(chain[0].public_key()) != claim.key:
            raise SignatureError("the certificate is for another key than the one that is named; sign again")
        root = chain[-1]
        check_by_chain(claim.text, sigstore, root.public_bytes(Encoding.PEM))
        return self._name_for(chain[0], self._authorities[root], claim.role)

    def _name_for(self, certificate: x509.Certificate, authority: Authority, role: Role) -> str:
        """Return by which name an authority's trusted people list a certificate's owner, who must hold the role."""
        own = names(certificate)
        if not any(name in authority.subjects(role) for name in own):
            raise SignatureError(
                f"{', '.join(own)} is not among the {role}s of authority {authority.name}; "
                "add who may sign to the trust file, or have one of them sign"
            )
        # The same name in whichever role, so that two signatures tell whether two people gave them.
        return next(name for name in own if any(name in authority.subjects(each) for each in Role))

    def _refuse_role(self, claim: Claim) -> None:
        """Refuse a key that is listed without this role, also when a certificate would give it."""
        listed = self._keys.get(claim.key)
        if listed is not None and claim.role not in listed.roles:
            held = " and ".join(listed.roles)
            raise SignatureError(f"the key of {listed.name} is trusted as {held}, not as {claim.role}")

    def _refuse_revoked(self, key: str) -> None:
        if revoked := self._revoked.get(key):
            since = isoformat(to_micros(revoked.since))
            raise SignatureError(f"key {key} is revoked since {since}: {revoked.reason}; sign again with another one")


def check_four_eyes(author: Signature, approver: Signature) -> None:
    """Check that two people signed, not one in both roles.

    Raises:
        SignatureError: both signatures are one person's, or were given with one key.
    """
    if author.signer == approver.signer or author.key == approver.key:
        raise SignatureError(f"{approver.signer} approved what they made themselves; have somebody else approve it")


def _check_files(bundle: Path, claim: Claim) -> None:
    found = file_digests(bundle)
    if set(claim.files) != set(found):
        raise SignatureError(f"is over files {sorted(claim.files)}, a bundle has {sorted(found)}; sign again")
    if changed := [name for name, digest in found.items() if claim.files[name] != digest]:
        raise SignatureError(f"is not for this {' and '.join(changed)}; copy the bundle again, or fetch its signature")
