"""How an OPC UA connection is secured, as written in sources.yaml."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self, cast

from pydantic import Field, model_validator

from andon.connection import Group, Text
from andon.secrets import FileBeside, SecretRef


class Policy(StrEnum):
    """Security policies of OPC UA part 7; those that are not to be used any more (Basic128Rsa15, Basic256) are not."""

    NONE = "None"
    """Anybody on the way can read and change everything."""
    BASIC256_SHA256 = "Basic256Sha256"
    AES128_SHA256_RSA_OAEP = "Aes128Sha256RsaOaep"
    AES256_SHA256_RSA_PSS = "Aes256Sha256RsaPss"


class Mode(StrEnum):
    """What a policy does with messages."""

    SIGN = "Sign"
    """They can be read, but not changed, on the way."""
    SIGN_AND_ENCRYPT = "SignAndEncrypt"
    """They can neither be read nor changed."""


class Trust(StrEnum):
    """Which server certificates are accepted."""

    LISTED = "listed"
    """Those in the folder `trusted`, and those that a CA certificate there has issued for the server's host."""
    ANY = "any"
    """All: whoever can answer at the server's address is believed."""


class PasswordLogin(Group):
    """Login with a name and a password."""

    name: Text
    """The user's name."""
    password: SecretRef
    """Where the password is."""
    in_clear: bool = False
    """Whether the password may be sent so that anybody on the way can read it, for a server that offers no better."""


class CertificateLogin(Group):
    """Login with a user certificate."""

    cert_file: FileBeside
    """The certificate (PEM or DER)."""
    key_file: FileBeside
    """Its private key (PEM or DER)."""
    key_password: SecretRef | None = None
    """Where the key's password is, when the key is encrypted."""


class Security(Group):
    """Policy, certificates and login of a connection."""

    policy: Policy = Policy.BASIC256_SHA256
    """Security policy; the server must offer it."""
    mode: Mode = Mode.SIGN_AND_ENCRYPT
    """Whether messages are encrypted or only signed; of no effect with policy None."""
    # A text, because pydantic takes a default that it validates for JSON when the rest is.
    folder: FileBeside = Field(default=cast(Path, "pki"), validate_default=True)
    """Holds `own` (the application certificate, made when there is none), `trusted` and `rejected`."""
    trust: Trust = Trust.LISTED
    """Which server certificates are accepted."""
    application_uri: str | None = Field(default=None, pattern=r"^urn:\S+$")
    """Name of this application in the certificate that is made; when not set, urn:HOST:andon:ingest."""
    user: PasswordLogin | None = None
    """Login with a password; neither this nor `user_certificate`: anonymous."""
    user_certificate: CertificateLogin | None = None
    """Login with a certificate."""

    @model_validator(mode="after")
    def _logs_in_once(self) -> Self:
        if self.user and self.user_certificate:
            raise ValueError("give either `user` or `user_certificate`")
        return self
