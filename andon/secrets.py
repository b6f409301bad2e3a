"""Where a secret is, for files that anybody may see: they name secrets and never hold them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from andon.connection import ClientTls, FilePath, Group, Text
from andon.errors import ConfigError


def _below_naming_file(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder")
    return path if folder is None else Path(folder) / path


FileBeside = Annotated[FilePath, AfterValidator(_below_naming_file)]
"""A path; a relative one is taken from the folder of the file that names it (`folder` of the validation's context)."""


class SecretRef(Group):
    """Where a secret is; never the secret itself, so that the file that names it can be shown to anybody."""

    file: FileBeside | None = None
    """A file that holds it; a line break at the end is taken off."""
    env: Text | None = None
    """An environment variable that holds it."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("give either `file` or `env`, which says where the secret is")
        return self

    def read(self) -> SecretStr:
        """Return the secret.

        Raises:
            ConfigError: the file or variable is not there.
        """
        if self.file is not None:
            try:
                return SecretStr(self.file.read_text(encoding="utf-8").rstrip("\r\n"))
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"secret file {self.file} cannot be read: {error}") from None
        if not (value := os.environ.get(str(self.env))):
            raise ConfigError(f"environment variable {self.env} is not set, and a secret is to be read from it")
        return SecretStr(value)


class NamedTls(ClientTls):
    """TLS towards a server, in a file that anybody may see; relative paths are taken from that file's folder."""

    ca_file: FileBeside | None = None
    """CA certificates (PEM) to trust; the system's own when not set."""
    cert_file: FileBeside | None = None
    """Client certificate (PEM) for mutual TLS."""
    key_file: FileBeside | None = Field(default=None, validate_default=True)
    """Its private key (PEM)."""
    key_password: SecretRef | None = None
    """Where the password of the private key is, when it is encrypted."""

    def _key_password(self) -> SecretStr | None:
        return self.key_password.read() if self.key_password else None
