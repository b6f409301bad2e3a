"""What the lake asks of a file system: files that are there whole or not at all, and stay when the power fails."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

from andon.disk import sync_directory
from andon.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_TEMPORARY = ".tmp"


class NoRoomError(OSError):
    """The disk is full; waiting can help."""


class Files:
    """A directory.

    Args:
        root: the directory; made if it is not there.

    Raises:
        ConfigError: it cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            if not os.access(root, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "it cannot be written to")
        except OSError as error:
            raise ConfigError(
                f"lake {root} cannot be used: {error.strerror}; see ANDON_HISTORIAN__LAKE__DIRECTORY"
            ) from None

    def names(self, folder: PurePath) -> list[PurePath]:
        """Return the files in a folder, without temporary ones, in the order of their names."""
        return [path for path in self._all(folder) if path.suffix != _TEMPORARY]

    def leftovers(self, folder: PurePath) -> list[PurePath]:
        """Return the paths of files in a folder that were prepared and never published."""
        return [path.with_suffix("") for path in self._all(folder) if path.suffix == _TEMPORARY]

    def place(self, path: PurePath) -> Path | None:
        """Return where a file is; None if it is not there."""
        place = self._root / path
        return place if place.exists() else None

    def prepare(self, path: PurePath, write: Callable[[BinaryIO], object]) -> None:
        """Write a file under a temporary name, forced to disk; `publish` gives it its own.

        Args:
            path: its own name.
            write: writes the content.

        Raises:
            NoRoomError: the disk is full; nothing of it is left.
        """
        temporary = self._temporary(path)
        try:
            with _room():
                self._make_folder(temporary.parent)
                with temporary.open("wb") as file:
                    with _Told(file) as out:
                        write(cast("BinaryIO", out))
                    file.flush()
                    os.fsync(file.fileno())
        except OSError:
            self.discard(path)
            raise

    def publish(self, path: PurePath) -> None:
        """Give a prepared file its name, in place of the file that has it."""
        with _room():
            self._temporary(path).replace(self._root / path)

    def sync(self, folder: PurePath) -> None:
        """Force the names in a folder to disk."""
        with _room():
            sync_directory(self._root / folder)

    def remove(self, path: PurePath) -> None:
        """Remove a file."""
        (self._root / path).unlink(missing_ok=True)

    def discard(self, path: PurePath) -> None:
        """Remove what was prepared for a file."""
        self._temporary(path).unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self, name: PurePath) -> Iterator[bool]:
        """Hold a lock for the length of a `with` block, or give False if another process holds it."""
        with _room():
            self._make_folder(self._root / name.parent)
            file = os.open(self._root / name, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(file)

    def _all(self, folder: PurePath) -> list[PurePath]:
        try:
            return sorted(folder / path.name for path in (self._root / folder).iterdir())
        except FileNotFoundError:
            return []

    def _temporary(self, path: PurePath) -> Path:
        return self._root / path.with_name(path.name + _TEMPORARY)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            for above in (folder, *folder.parents):
                sync_directory(above)
                if above == self._root:
                    break


class _Told(io.RawIOBase):
    """A file whose errors come as what they are, and not as what a library makes of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: OSError | None = None

    def writable(self) -> bool:
        return True

    def write(self, content: Buffer, /) -> int:
        try:
            return self._file.write(content)
        except OSError as error:
            self._error = error
            raise

    def __exit__(self, *_: object) -> None:
        if self._error:
            raise self._error


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Tell a full disk from a broken one."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise NoRoomError(*error.args) from error
        raise
