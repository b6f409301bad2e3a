"""What the lake asks of a file system: files that are there whole or not at all, and stay when the power fails."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from andon.disk import sync_directory
from andon.errors import ConfigError

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

    def read(self, path: PurePath) -> bytes | None:
        """Return a file's content; None if it is not there."""
        with contextlib.suppress(FileNotFoundError):
            return (self._root / path).read_bytes()
        return None

    def prepare(self, path: PurePath, content: bytes) -> None:
        """Write a file under a temporary name, forced to disk; `publish` gives it its own.

        Raises:
            NoRoomError: the disk is full; nothing of it is left.
        """
        temporary = self._temporary(path)
        try:
            with _room():
                self._make_folder(temporary.parent)
                with temporary.open("wb") as file:
                    file.write(content)
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


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Tell a full disk from a broken one."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise NoRoomError(*error.args) from error
        raise
