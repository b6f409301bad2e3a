"""Where the bytes of bundles are: by their digests, behind a small port. A folder now, an object store the same way."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Protocol

from andon.disk import sync_directory
from andon.errors import AndonError

#: Bytes read or sent at a time: enough that the cost of a message does not show, little enough for any limit.
CHUNK_BYTES = 256 * 2**10


class BlobError(AndonError):
    """The bytes are not those that were announced."""


class Upload(Protocol):
    """A blob that is still coming in; nobody can read it."""

    async def write(self, data: bytes) -> None:
        """Take more bytes."""

    async def finish(self, digest: str) -> int:
        """Make the blob readable under *digest* and return its size.

        Raises:
            BlobError: the bytes have another digest; nothing is kept of them.
        """


class Blobs(Protocol):
    """A store of immutable bytes."""

    def upload(self) -> contextlib.AbstractAsyncContextManager[Upload]:
        """Take a new blob in; what is not finished at the end of the block is forgotten."""

    def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield a blob's bytes from *offset* on. The caller has made sure that it is there."""

    def has(self, digest: str) -> bool:
        """Return whether a blob is there, whole."""

    def laid_out(self, files: Mapping[str, str]) -> contextlib.AbstractAsyncContextManager[Path]:
        """Give a folder with these files (name to digest), for as long as the block lasts."""


class FolderBlobs:
    """Blobs as files ``<folder>/<first two digits>/<digest>``; what is being written lies in ``<folder>/partial``.

    Args:
        folder: made when it is not there. What a former process left half-written is removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._partial = folder, folder / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)
        for leftover in self._partial.iterdir():
            _remove(leftover)

    @contextlib.asynccontextmanager
    async def upload(self) -> AsyncIterator[Upload]:
        """See `Blobs.upload`."""
        path = self._partial / secrets.token_hex(16)
        upload = _FileUpload(path, self._path)
        try:
            yield upload
        finally:
            upload.close()
            path.unlink(missing_ok=True)

    async def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        """See `Blobs.read`."""
        with self._path(digest).open("rb") as file:
            file.seek(offset)
            while data := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield data

    def has(self, digest: str) -> bool:
        """See `Blobs.has`."""
        return self._path(digest).is_file()

    @contextlib.asynccontextmanager
    async def laid_out(self, files: Mapping[str, str]) -> AsyncIterator[Path]:
        """See `Blobs.laid_out`; the files are hard links, so nothing is copied."""
        folder = self._partial / secrets.token_hex(16)
        folder.mkdir()
        try:
            for name, digest in files.items():
                (folder / name).hardlink_to(self._path(digest))
            yield folder
        finally:
            _remove(folder)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


class _FileUpload:
    """A file that is being written; the digest grows with it."""

    def __init__(self, path: Path, target: Callable[[str], Path]) -> None:
        self._path, self._target = path, target
        self._file = path.open("wb")
        self._hash, self._size = hashlib.sha256(), 0

    async def write(self, data: bytes) -> None:
        """See `Upload.write`."""
        self._size += len(data)
        await asyncio.to_thread(self._take, data)

    def _take(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    async def finish(self, digest: str) -> int:
        """See `Upload.finish`."""
        if self._hash.hexdigest() != digest:
            raise BlobError(f"{self._size} bytes came in with digest {self._hash.hexdigest()}, announced was {digest}")
        await asyncio.to_thread(self._place, self._target(digest))
        return self._size

    def _place(self, target: Path) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        target.parent.mkdir(exist_ok=True)
        self._path.rename(target)
        sync_directory(target.parent)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
