"""Options by which people name their key to a command, the same wherever something is signed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from andon.secrets import SecretRef
from andon.signing.signer import Signer

KeyFile = Annotated[Path, typer.Option("--key", "-k", metavar="FILE", help="Your private key, PEM.")]
PasswordFile = Annotated[Path | None, typer.Option(metavar="FILE", help="File that holds the private key's password.")]
Certificates = Annotated[
    list[Path] | None,
    typer.Option(
        "--certificate", metavar="FILE", help="Your certificate, PEM; again for each between it and the root."
    ),
]


def read_password(file: Path | None) -> SecretStr | None:
    """Return the password in a file; None when no file is named.

    Raises:
        ConfigError: the file cannot be read.
    """
    return SecretRef(file=file).read() if file else None


def load_signer(key: Path, password_file: Path | None, certificates: list[Path] | None) -> Signer:
    """Return whoever these options name, ready to sign.

    Raises:
        ConfigError: a file cannot be read or used.
    """
    return Signer.load(key, read_password(password_file), tuple(certificates or ()))
