"""The spool's file format: blocks, each framed by its length and guarded by checksums. Pure.

A block is a header and a zlib-compressed payload::

    header   magic "ASP1" | payload bytes u32 | lines u32 | written us i64 | payload's CRC-32 u32 | CRC-32 of these u32
    payload  stage: length u8, text | key lengths u32 * lines | value lengths u32 * lines | keys | values

All numbers are little-endian. Keys and values may be any bytes. Both checksums must hold; where they do not, the next
header that holds is searched for, so damage costs the blocks that it touches and no others.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from andon.uns import Stage

_MAGIC = b"ASP1"
_FIELDS = struct.Struct("<4sIIqI")
_CHECK = struct.Struct("<I")
HEADER_BYTES = _FIELDS.size + _CHECK.size
#: The fastest; JSON shrinks to a fifth already.
_LEVEL = 1

#: Reads bytes of a segment: (offset, count).
Read = Callable[[int, int], bytes]
#: A key and a value.
Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Block:
    """Events of one stage that are kept and delivered together."""

    stage: Stage
    pairs: Sequence[Pair]


@dataclass(frozen=True, slots=True)
class Entry:
    """A block as its header describes it, somewhere in a segment: bytes *start* to *end*."""

    start: int
    end: int
    lines: int
    written: int
    check: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes *start* to *end* of a segment that are no block."""

    start: int
    end: int


class BlockError(ValueError):
    """The payload is not what was written."""


def encode_block(block: Block, written: int) -> bytes:
    """Return the bytes of a block that is written at *written* (microseconds UTC)."""
    keys, values = zip(*block.pairs, strict=True) if block.pairs else ((), ())
    lengths = [len(each) for each in (*keys, *values)]
    stage = block.stage.encode()
    parts = (bytes((len(stage),)), stage, struct.pack(f"<{len(lengths)}I", *lengths), *keys, *values)
    payload = zlib.compress(b"".join(parts), _LEVEL)
    fields = _FIELDS.pack(_MAGIC, len(payload), len(block.pairs), written, zlib.crc32(payload))
    return fields + _CHECK.pack(zlib.crc32(fields)) + payload


def decode_block(entry: Entry, data: bytes) -> Block:
    """Return the block of an entry from the bytes that it covers.

    Raises:
        BlockError: they are not what was written.
    """
    payload = data[HEADER_BYTES:]
    if zlib.crc32(payload) != entry.check:
        raise BlockError("the checksum does not hold")
    try:
        plain = zlib.decompress(payload)
        named = 1 + plain[0]
        stage = Stage(plain[1:named].decode())
        lengths = struct.unpack_from(f"<{2 * entry.lines}I", plain, named)
    except (zlib.error, struct.error, ValueError, IndexError) as error:
        raise BlockError(f"another format: {error}") from None
    ends = list(accumulate(lengths, initial=named + 8 * entry.lines))
    if ends[-1] != len(plain):
        raise BlockError(f"another format: the lengths make {ends[-1]} bytes, there are {len(plain)}")
    parts = [plain[start:end] for start, end in pairwise(ends)]
    return Block(stage, list(zip(parts[: entry.lines], parts[entry.lines :], strict=True)))


def walk(read: Read, start: int, end: int) -> Iterator[Entry | Damage]:
    """Yield, without a gap, what lies between two offsets of a segment; *start* is where a block begins."""
    while start < end:
        entry = _entry(read(start, min(HEADER_BYTES, end - start)), start)
        if entry is not None and entry.end <= end:
            yield entry
            start = entry.end
        else:
            found = _next_header(read(start + 1, end - start - 1))
            resumed = end if found is None or entry is not None else start + 1 + found
            yield Damage(start, resumed)
            start = resumed


def _entry(header: bytes, start: int) -> Entry | None:
    if len(header) < HEADER_BYTES or not header.startswith(_MAGIC):
        return None
    _, size, lines, written, check = _FIELDS.unpack_from(header)
    (guard,) = _CHECK.unpack_from(header, _FIELDS.size)
    if guard != zlib.crc32(header[: _FIELDS.size]):
        return None
    return Entry(start, start + HEADER_BYTES + size, lines, written, check)


def _next_header(data: bytes) -> int | None:
    at = data.find(_MAGIC)
    while at >= 0:
        if _entry(data[at : at + HEADER_BYTES], at):
            return at
        at = data.find(_MAGIC, at + 1)
    return None
