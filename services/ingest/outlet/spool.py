"""A queue on disk: append-only segment files, and the position up to which they have been read.

::

    <directory>/lock                 held by the one process that uses the directory
    <directory>/position             {"segment": 7, "offset": 4096}: all before it has been delivered
    <directory>/0000000007.segment   blocks, oldest first; see `block`

Not for several threads at once. A process begins a segment of its own, so that only the newest segment of a former
process can have a torn tail.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from andon.disk import sync_directory
from andon.errors import ConfigError
from andon.telemetry import get_logger
from services.ingest.outlet.block import Block, Damage, Entry, encode_block, walk
from services.ingest.outlet.chunk import Chunk
from services.ingest.outlet.directory import lock, read_bytes, read_position, save_position

_log = get_logger(__name__)
_SUFFIX = ".segment"
_SEGMENT_NAMES = "[0-9]" * 10 + _SUFFIX
_SEGMENT_BYTES = 16 << 20
_SEGMENTS = 8


class NoRoomError(Exception):
    """The block cannot be kept now; the message says why."""


@dataclass(slots=True)
class _Segment:
    number: int
    path: Path
    size: int = 0
    #: Lines not yet read, and when the oldest of them was written at the earliest.
    lines: int = 0
    oldest: int = 0


class Spool:
    """A bounded queue of blocks in a directory.

    Opening it takes the lock, cuts a torn tail and counts what a former process left.

    Args:
        directory: where; created if it is not there.
        max_bytes: most bytes of all segments.
        durable: whether files are meant to survive a power cut, so that directories are forced to disk, too.

    Attributes:
        torn_bytes: what was cut off because it was never completely written.

    Raises:
        ConfigError: the directory cannot be used, or another process uses it.
    """

    def __init__(self, directory: Path, max_bytes: int, *, durable: bool = True) -> None:
        self._directory, self._max_bytes, self._durable = directory, max_bytes, durable
        self._segment_bytes = min(_SEGMENT_BYTES, max_bytes // _SEGMENTS)
        self._writer: int | None = None
        self._unsynced = False
        self.torn_bytes = 0
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = lock(directory)
            self._segment, self._offset = read_position(directory)
            self._segments = [self._found(path) for path in sorted(directory.glob(_SEGMENT_NAMES))]
            if self._segments:
                self.torn_bytes = self._cut_tail(self._segments[-1])
        except OSError as error:
            raise ConfigError(f"spool {directory} cannot be used: {error}") from None
        self._number = max([self._segment, *(each.number for each in self._segments)])

    def close(self) -> None:
        """Force everything to disk and let the directory go."""
        with contextlib.suppress(OSError):
            self.sync()
        self._end_segment()
        os.close(self._lock)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(each.size for each in self._segments)

    @property
    def lines(self) -> int:
        """Events that are to be delivered."""
        return sum(each.lines for each in self._segments)

    @property
    def oldest(self) -> int | None:
        """When the oldest of them was spooled at the earliest, microseconds UTC."""
        return self._segments[0].oldest if self._segments else None

    @property
    def empty(self) -> bool:
        """Whether everything has been delivered."""
        return not self._segments

    def append(self, blocks: Sequence[Block], now: int) -> None:
        """Add blocks, all or none; the operating system has them then, the disk after the next `sync`.

        Raises:
            NoRoomError: the spool or the disk is full, or cannot be written; nothing has been kept.
        """
        data = b"".join(encode_block(block, now) for block in blocks)
        if self.size + len(data) > self._max_bytes:
            raise NoRoomError(f"the spool has reached its limit of {self._max_bytes} bytes")
        try:
            segment = self._open_segment(len(data), now)
            self._write(segment, data)
        except OSError as error:
            raise NoRoomError(f"the disk takes no more: {error}") from None
        segment.size += len(data)
        segment.lines += sum(len(block.pairs) for block in blocks)
        self._unsynced = True

    def sync(self) -> None:
        """Force what has been appended to disk.

        Raises:
            NoRoomError: the disk did not take it; blocks since the last time may be lost at a power cut.
        """
        if self._writer is None or not self._unsynced:
            return
        try:
            os.fsync(self._writer)
        except OSError as error:
            self._end_segment()  # what the operating system still holds of this file cannot be known any more
            raise NoRoomError(f"the disk did not take it: {error}") from None
        self._unsynced = False

    def peek(self, lines: int) -> Chunk:
        """Return the oldest blocks, as many as hold at least *lines* events; all of one segment."""
        if not self._segments:
            return Chunk()
        segment = self._segments[0]
        chunk = Chunk(segment.number, newest=segment.oldest)
        with segment.path.open("rb") as file:
            for each in self._walk(segment):
                chunk.add(each, read_bytes(file.fileno(), each.start, each.end - each.start))
                if chunk.lines >= lines:
                    break
        return chunk

    def advance(self, chunk: Chunk) -> None:
        """Take note that a chunk has been delivered; a segment that is done is removed."""
        if not self._segments or self._segments[0].number != chunk.segment:
            return  # dropped meanwhile
        segment = self._segments[0]
        segment.lines -= chunk.lines
        segment.oldest = chunk.newest
        self._segment, self._offset = chunk.segment, chunk.end
        if chunk.end >= segment.size:
            self._remove_oldest()
        else:
            save_position(self._directory, self._segment, self._offset)

    def drop_oldest(self) -> int:
        """Remove the oldest segment and return how many events are lost with it; 0 if there is none."""
        if not self._segments:
            return 0
        lost = self._segments[0].lines
        self._segment = self._segments[0].number
        self._remove_oldest()
        return lost

    def _found(self, path: Path) -> _Segment:
        """Count what is in a segment of a former process."""
        segment = _Segment(int(path.stem), path, path.stat().st_size)
        entries = [each for each in self._walk(segment) if not isinstance(each, Damage)]
        segment.lines = sum(each.lines for each in entries)
        segment.oldest = entries[0].written if entries else 0
        return segment

    def _cut_tail(self, segment: _Segment) -> int:
        """Cut what a killed process could not write to the end; return its bytes."""
        *_, last = (None, *self._walk(segment))
        if not isinstance(last, Damage):
            return 0
        torn = last.end - last.start
        os.truncate(segment.path, last.start)
        segment.size = last.start
        _log.warning("torn tail of the spool cut", file=str(segment.path), bytes=torn)
        return torn

    def _walk(self, segment: _Segment) -> Iterator[Entry | Damage]:
        start = self._offset if segment.number == self._segment else 0
        with segment.path.open("rb") as file:
            yield from walk(partial(read_bytes, file.fileno()), start, segment.size)

    def _open_segment(self, room: int, now: int) -> _Segment:
        if self._writer is not None and self._segments[-1].size + room <= self._segment_bytes:
            return self._segments[-1]
        self.sync()
        self._end_segment()
        self._number += 1
        path = self._directory / f"{self._number:010}{_SUFFIX}"
        self._writer = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        self._segments.append(_Segment(self._number, path, oldest=now))
        if self._durable:
            sync_directory(self._directory)
        return self._segments[-1]

    def _write(self, segment: _Segment, data: bytes) -> None:
        if self._writer is None:
            raise OSError("no segment is open")
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._writer, rest) :]
        except OSError:
            os.ftruncate(self._writer, segment.size)
            raise

    def _end_segment(self) -> None:
        if self._writer is not None:
            os.close(self._writer)
        self._writer, self._unsynced = None, False

    def _remove_oldest(self) -> None:
        segment = self._segments.pop(0)
        if not self._segments:
            self._end_segment()
        segment.path.unlink(missing_ok=True)
        self._offset = 0
        self._segment = segment.number + 1
        save_position(self._directory, self._segment, self._offset)
