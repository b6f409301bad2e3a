"""What a spool asks of the file system: its lock, the position up to which it has been read, bytes of bad disks."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path

from andon.errors import ConfigError
from andon.telemetry import get_logger

_log = get_logger(__name__)
_POSITION = "position"
_PAGE_BYTES = 4_096


def lock(directory: Path) -> int:
    """Return the open, locked file; the lock ends with the process, however that ends.

    Raises:
        ConfigError: another process has it.
    """
    file = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise ConfigError(f"spool {directory} is used by another process; give each a directory of its own") from None
    return file


def read_position(directory: Path) -> tuple[int, int]:
    """Return segment and offset; the beginning if there is none or it was torn by a power cut."""
    path = directory / _POSITION
    try:
        found = json.loads(path.read_text())
        return int(found["segment"]), int(found["offset"])
    except FileNotFoundError:
        return 0, 0
    except (ValueError, KeyError, TypeError):
        _log.warning("position of the spool cannot be read, delivering from its beginning", file=str(path))
        return 0, 0


def save_position(directory: Path, segment: int, offset: int) -> None:
    """Replace the position; not forced to disk, since an older one only delivers some blocks again."""
    path = directory / _POSITION
    new = path.with_suffix(".new")
    try:
        new.write_text(json.dumps({"segment": segment, "offset": offset}))
        new.replace(path)
    except OSError as error:  # a full disk: draining must go on, it makes room
        _log.warning("position of the spool not saved", file=str(path), error=str(error))


def read_bytes(file: int, offset: int, count: int) -> bytes:
    """Read from an open file; pages that the disk cannot read are zeros, so that others on it are not lost, too."""
    try:
        return os.pread(file, count, offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    end = offset + count
    return b"".join(_page(file, at, min(_PAGE_BYTES, end - at)) for at in range(offset, end, _PAGE_BYTES))


def _page(file: int, offset: int, count: int) -> bytes:
    try:
        return os.pread(file, count, offset)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        _log.error("the disk cannot read a page of the spool", offset=offset, bytes=count)
        return bytes(count)
