"""TLS settings as gRPC takes them."""

from __future__ import annotations

from pathlib import Path

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pydantic import SecretStr

from andon.connection import TlsSettings


def channel_credentials(tls: TlsSettings) -> grpc.ChannelCredentials:
    """Return the credentials of a client.

    Raises:
        ConfigError: a file is missing or holds no usable certificate or key.
    """
    tls.context()  # says which file is wrong, and what is wrong with it; gRPC would only not connect
    authorities, certificate = (file.read_bytes() if file else None for file in (tls.ca_file, tls.cert_file))
    key = plain_key(tls.key_file, tls.key_password) if tls.key_file else None
    return grpc.ssl_channel_credentials(authorities, key, certificate)


def plain_key(file: Path, password: SecretStr | None) -> bytes:
    """Return the private key in a file as PEM without a password, since gRPC cannot decrypt one.

    Args:
        file: the key, PEM.
        password: of the key, if it is encrypted.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no key, or the password is wrong.
    """
    key = load_pem_private_key(file.read_bytes(), password.get_secret_value().encode() if password else None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
