"""Dead letters: a rejected record, whole, with the reason; and the record again, out of its letter."""

from __future__ import annotations

import base64
import zlib

from andon.contracts import DeadLetter, DeadLetterReason
from andon.contracts.headers import LINEAGE_HEADER, THIS_CONTRACT
from andon.stream.codec import Line, Record
from andon.stream.stage import Rejected

#: Larger originals are not copied; they stay readable at their topic, partition and offset.
MAX_ORIGINAL_BYTES = 600_000
#: The same before they are compressed: a letter of somebody else's must not fill the memory of who reads it.
_MAX_UNPACKED_BYTES = 64 * 2**20


def dead_letter(
    rejected: Rejected, record: Record, *, service: str, topic: str, partition: int, now: int
) -> DeadLetter:
    """Return the dead letter of one rejected record; a header without a value becomes an empty one."""
    return DeadLetter(
        id=f"{topic}/{partition}@{rejected.offset}:deadletter:{service}",
        time=now,
        service=service,
        reason=rejected.reason,
        detail=rejected.detail,
        topic=topic,
        partition=partition,
        offset=rejected.offset,
        key=_base64(record.key),
        value=_pack(record.value),
        headers={name: base64.b64encode(value or b"").decode() for name, value in record.headers},
    )


def source_letter(
    *,
    service: str,
    source: str,
    address: str,
    number: str,
    reason: DeadLetterReason,
    detail: str,
    key: str | None,
    payload: bytes,
    now: int,
) -> DeadLetter:
    """Return the dead letter of something that a source delivered and that never was a record.

    Args:
        service: the service that could not use it.
        source: the source's name.
        address: where the source had it, such as an MQTT topic.
        number: tells this delivery apart from all others of the source.
        reason: the reason code.
        detail: what is wrong and where.
        key: the asset that it is about, if that is known.
        payload: the bytes as they came.
        now: microseconds UTC.
    """
    return DeadLetter(
        id=f"{source}/{number}:deadletter:{service}",
        time=now,
        service=service,
        reason=reason,
        detail=detail,
        topic=f"{source}:{address}",
        partition=None,
        offset=None,
        key=_base64(key.encode() if key else None),
        value=_pack(payload),
    )


def parse_letter(value: bytes) -> DeadLetter:
    """Read a dead letter whose original can be taken out; anybody can write to the topic.

    Raises:
        ValueError: it does not keep to its contract, or what it copied is damaged or larger than any copy.
    """
    letter = DeadLetter.model_validate_json(value)
    original_key(letter), original_headers(letter), original_value(letter)
    return letter


def original_value(letter: DeadLetter) -> bytes | None:
    """Return the original bytes, or None when they were not copied (or it was a tombstone).

    Raises:
        ValueError: the copy is damaged, or larger than any that is made here.
    """
    if letter.value is None:
        return None
    stream = zlib.decompressobj()
    try:
        value = stream.decompress(base64.b64decode(letter.value), _MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise ValueError(f"the copy of the original is damaged: {error}") from None
    if not stream.eof:
        raise ValueError(f"the copy of the original ends early, or is larger than {_MAX_UNPACKED_BYTES} bytes")
    return value


def original_key(letter: DeadLetter) -> bytes:
    """Return the original key; empty when there was none, which every stage reads alike."""
    return base64.b64decode(letter.key or "")


def original_headers(letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    """Return the original headers."""
    return [(name, base64.b64decode(value)) for name, value in letter.headers.items()]


def encode_letter(letter: DeadLetter) -> Line:
    """Encode a dead letter under the original record's key."""
    return Line(original_key(letter), letter.model_dump_json().encode(), [THIS_CONTRACT])


def too_large(line: Line, *, service: str, topic: str, partition: int, offset: int, now: int) -> DeadLetter:
    """Return the dead letter of an output that the broker would not take.

    Args:
        line: the output.
        service: the service that made it.
        topic: the input topic.
        partition: its partition.
        offset: of an input that went into it, for an output without lineage; the lineage says the last one.
        now: microseconds UTC.
    """
    size = len(line.value or b"")
    offset = _last_input(line, default=offset)
    return DeadLetter(
        id=f"{topic}/{partition}@{offset}:deadletter:{service}:{line.key.decode(errors='replace')}",
        time=now,
        service=service,
        reason=DeadLetterReason.TOO_LARGE,
        detail=f"an output of {size} bytes is larger than the broker takes; raise kafka.max_batch_bytes",
        topic=topic,
        partition=partition,
        offset=offset,
        key=_base64(line.key),
        value=None,
    )


def _last_input(line: Line, *, default: int) -> int:
    lineage = dict(line.headers).get(LINEAGE_HEADER)
    return int(lineage.rpartition(b"-")[2]) if lineage else default


def _pack(value: bytes | None) -> str | None:
    if value is None or len(value) >= _MAX_UNPACKED_BYTES:
        return None
    packed = base64.b64encode(zlib.compress(value, level=6))
    return packed.decode() if len(packed) <= MAX_ORIGINAL_BYTES else None


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
