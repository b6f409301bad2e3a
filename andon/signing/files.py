"""The files of a bundle's folder: exactly those of a bundle, each a file of its own, digested as a stream."""

from __future__ import annotations

import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path

from andon.errors import BundleError
from andon.models.bundle import FILE_SETS
from andon.signing.claim import Role
from andon.signing.document import MAX_BYTES

#: Folder of signatures inside a bundle's folder; no part of what is signed.
SIGNATURES = "signatures"
#: What every bundle has, and what one may have.
_NEEDED, _ALLOWED = frozenset.intersection(*FILE_SETS), frozenset.union(*FILE_SETS)
#: Links are not followed, and a named pipe does not wait for its writer.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def file_digests(bundle: Path) -> dict[str, str]:
    """Return each file of a bundle with its SHA-256.

    Raises:
        BundleError: a file is missing, cannot be read, is a link, or is none of a bundle's.
    """
    try:
        return {name: _digest(bundle / name) for name in sorted(_checked_names(bundle))}
    except OSError as error:
        raise BundleError(
            f"{error.filename or bundle} cannot be read as a file of a bundle: {error.strerror}"
        ) from None


def signature_file(bundle: Path, role: Role) -> Path:
    """Return where a bundle's folder keeps the signature given in a role."""
    return bundle / SIGNATURES / f"{role}.sig"


def read_signature(bundle: Path, role: Role) -> bytes:
    """Return the signature that a bundle's folder keeps, cut one byte above the limit; empty when there is none.

    Raises:
        BundleError: it cannot be read, or is a link.
    """
    path = signature_file(bundle, role)
    try:
        with _open(path) as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None


def write_signature(bundle: Path, role: Role, content: bytes) -> Path:
    """Keep a signature in a bundle's folder, in place of one that is there; return its file.

    Raises:
        BundleError: it cannot be written.
    """
    path = signature_file(bundle, role)
    try:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)  # writing through a link would write elsewhere
        path.write_bytes(content)
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _checked_names(bundle: Path) -> set[str]:
    with os.scandir(bundle) as entries:
        found = {entry.name for entry in entries if not _is_signatures(entry)}
    if missing := sorted(_NEEDED - found):
        raise BundleError(f"{bundle} has no {' and no '.join(missing)}; copy the bundle again")
    if extra := sorted(found - _ALLOWED):
        raise BundleError(f"{bundle} holds what is not signed: {', '.join(extra)}; copy the bundle again")
    return found


def _is_signatures(entry: os.DirEntry[str]) -> bool:
    return entry.name == SIGNATURES and entry.is_dir(follow_symlinks=False)


def _digest(path: Path) -> str:
    with _open(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> BufferedReader:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise BundleError(f"{path} is no file of its own, but a link or a folder; copy the bundle again")
    return os.fdopen(os.open(path, _FLAGS), "rb")
