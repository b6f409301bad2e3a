"""What is signed: which files, in which role, with which key, and what is stated about them.

A claim is text in one canonical form, so that every changed byte of it is another claim.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StrictBool, StrictInt, StrictStr, StringConstraints, ValidationError

from andon.connection import Group

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Value = StrictBool | StrictInt | StrictStr


class Role(StrEnum):
    """As what somebody signs. It is part of what is signed: one signature never counts as the other's."""

    AUTHOR = "author"
    """Made the model and publishes it."""
    APPROVER = "approver"
    """Lets it act."""


class Claim(Group):
    """What a signature is over."""

    format: Literal["andon.claim/1"] = "andon.claim/1"
    role: Role
    key: Sha256
    """SHA-256 of the signing key's public half (SubjectPublicKeyInfo, DER)."""
    files: dict[str, Sha256]
    """Each file of the bundle with its SHA-256."""
    statement: dict[str, Value]
    """What is signed besides, such as what an approver approves."""

    @property
    def text(self) -> str:
        """The canonical form: JSON with sorted names and no spaces."""
        return canonical(self.model_dump(mode="json"))


def parse_claim(text: str) -> Claim:
    """Read a claim.

    Raises:
        ValueError: it is none, or not in its canonical form.
    """
    try:
        claim = Claim.model_validate_json(text)
    except ValidationError:
        raise ValueError("what is signed is no claim about a bundle's files") from None
    if claim.text != text:
        raise ValueError("what is signed is not in its canonical form")
    return claim


def canonical(document: object) -> str:
    """Return JSON in its one canonical form."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
