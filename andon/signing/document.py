"""The signature document: a claim and the Sigstore bundle that signs it, in one canonical JSON text.

The Sigstore bundle (v0.3: a DSSE envelope of an in-toto statement) is what `model-signing` writes for the claim as a
single file. Of that format only what is needed here is let through, so whatever else a file may hold is refused
before any cryptography sees it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from andon.connection import Group
from andon.errors import SignatureError
from andon.signing.claim import Claim, Sha256, canonical, parse_claim

#: Larger signatures are refused unread: one with a chain of four certificates has some 8 KiB.
MAX_BYTES = 64 * 2**10
_MAX_CERTIFICATES = 8


def _is_canonical(text: str) -> str:
    """Refuse base64 that decodes like another text, which a changed bit could otherwise hide in."""
    if base64.b64encode(base64.b64decode(text, validate=True)).decode() != text:
        raise ValueError("is no base64 in its canonical form")
    return text


Base64 = Annotated[str, AfterValidator(_is_canonical)]


class _Part(Group):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


class _PublicKey(_Part):
    hint: Sha256


class _Certificate(_Part):
    raw_bytes: Base64


class _Chain(_Part):
    certificates: tuple[_Certificate, ...] = Field(min_length=1, max_length=_MAX_CERTIFICATES)


class Material(_Part):
    """By what the signature can be verified: a key that the verifier has, or certificates."""

    public_key: _PublicKey | None = None
    x509_certificate_chain: _Chain | None = None
    tlog_entries: tuple[()] = ()

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.public_key is None) == (self.x509_certificate_chain is None):
            raise ValueError("holds either a key's hint or a chain of certificates")
        return self


class _Signature(_Part):
    sig: Base64
    keyid: Literal[""] = ""


class _Envelope(_Part):
    payload: Base64
    payload_type: Literal["application/vnd.in-toto+json"]
    signatures: tuple[_Signature]


class SigstoreBundle(_Part):
    """The part of Sigstore's bundle format that is used."""

    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verification_material: Material
    dsse_envelope: _Envelope

    @property
    def text(self) -> str:
        """As `model-signing` reads it."""
        return canonical(self.model_dump(mode="json", by_alias=True, exclude_none=True))

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The signer's certificate and those above it, DER; empty for a signature with a bare key."""
        chain = self.verification_material.x509_certificate_chain
        return tuple(base64.b64decode(each.raw_bytes) for each in chain.certificates) if chain else ()

    def with_chain(self, chain: tuple[bytes, ...]) -> Self:
        """Return it with certificates (DER) in place of the key's hint; no part of what is signed."""
        certificates = tuple(_Certificate(raw_bytes=base64.b64encode(each).decode()) for each in chain)
        material = Material(x509_certificate_chain=_Chain(certificates=certificates))
        return self.model_copy(update={"verification_material": material})


class SignatureDocument(Group):
    """What a signature file holds."""

    format: Literal["andon.signature/1"] = "andon.signature/1"
    claim: str
    """The claim's text."""
    sigstore: SigstoreBundle

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        sigstore = self.sigstore.model_dump(mode="json", by_alias=True, exclude_none=True)
        return (canonical({"format": self.format, "claim": self.claim, "sigstore": sigstore}) + "\n").encode()


def parse_document(content: bytes) -> tuple[SignatureDocument, Claim]:
    """Read a signature document and the claim in it; whether the signature holds is not looked at.

    Raises:
        SignatureError: it is none, or not byte for byte as it was written.
    """
    if not content:
        raise SignatureError("there is none; sign with `andon bundle sign`, or publish or approve at the registry")
    if len(content) > MAX_BYTES:
        raise SignatureError(f"has {len(content)} bytes, a signature has at most {MAX_BYTES}; sign again")
    try:
        document = SignatureDocument.model_validate_json(content)
        claim = parse_claim(document.claim)
        _check_covers(document)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_url=False)[0]["loc"])) or "document"
        raise SignatureError(f"is no signature that is understood here, see `{place}` in it; sign again") from None
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"{error}; sign again") from None
    if document.content != content:
        raise SignatureError("was changed after it was written; fetch it again, or sign again")
    return document, claim


def _check_covers(document: SignatureDocument) -> None:
    """Refuse a signature that covers anything but the claim.

    `model-signing` leaves out what the signer names in `ignore_paths`; a signature that covers nothing fits all.
    """
    payload: JsonValue = json.loads(base64.b64decode(document.sigstore.dsse_envelope.payload))
    predicate = payload.get("predicate") if isinstance(payload, dict) else None
    resources = predicate.get("resources") if isinstance(predicate, dict) else None
    digest = hashlib.sha256(document.claim.encode()).hexdigest()
    if resources != [{"algorithm": "sha256", "digest": digest, "name": "."}]:
        raise ValueError("signs something else than the claim beside it")
