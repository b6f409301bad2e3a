"""Private keys as gRPC takes them, which cannot decrypt one."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pydantic import SecretStr


def plain_key(file: Path, password: SecretStr | None) -> bytes:
    """Return the private key in a file as PEM without a password.

    Args:
        file: the key, PEM.
        password: of the key, if it is encrypted.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no key, or the password is wrong.
    """
    key = load_pem_private_key(file.read_bytes(), password.get_secret_value().encode() if password else None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
