"""New keys: a private one that only its owner can read, and its public half for trust files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from andon.connection import Secret
from andon.errors import SigningError
from andon.signing.claim import Role
from andon.signing.keys import fingerprint, public_pem


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new key.

    Attributes:
        private: its file, PEM, which only its owner can read.
        public: file of its public half, PEM, for trust files.
        fingerprint: SHA-256 of the public half, as revocations name it.
    """

    private: Path
    public: Path
    fingerprint: str

    def stanza(self, name: str, role: Role) -> str:
        """Return the lines of a trust file that trust this key in a role."""
        entry = {"name": name, "roles": [role.value], "public_key": self.public.read_text(encoding="utf-8")}
        return yaml.dump({"keys": [entry]}, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def generate_key(name: str, folder: Path, password: Secret | None = None) -> KeyPair:
    """Make a key on the curve P-256, as ``NAME.key`` and ``NAME.pub`` in *folder*; none is ever overwritten.

    Raises:
        SigningError: one of the files is there already or cannot be written.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    encryption: KeySerializationEncryption = NoEncryption()
    if password:
        encryption = BestAvailableEncryption(password.get_secret_value().encode())
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), mode=0o600)
        _write_new(public, public_pem(key.public_key()), mode=0o644)
    except OSError as error:
        raise SigningError(
            f"{error.filename} cannot be written: {error.strerror}; choose another name or folder"
        ) from None
    return KeyPair(private, public, fingerprint(key.public_key()))


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
