"""Dead letters of the outlet itself: what Kafka will not take, and what the spool could not give back. Pure."""

from __future__ import annotations

from andon.contracts import DeadLetter, DeadLetterReason
from andon.stream.codec import Line
from andon.stream.deadletters import encode_letter, source_letter
from andon.uns import Stage
from services.ingest.outlet.chunk import Spoiled

_SERVICE = "ingest"


def too_large(stage: Stage, line: Line, now: int) -> Line | None:
    """Return the dead letter of an event that is larger than Kafka takes.

    A letter that is itself too large is sent without the original bytes; None if it was without them already.
    """
    if stage is Stage.DEADLETTER:
        letter = DeadLetter.model_validate_json(line.value or b"")
        return encode_letter(letter.model_copy(update={"value": None})) if letter.value else None
    value, key = line.value or b"", line.key.decode(errors="replace")
    return encode_letter(
        source_letter(
            service=_SERVICE,
            source=str(stage),
            address=key,
            number=f"{key}@{now}",
            reason=DeadLetterReason.TOO_LARGE,
            detail=f"an event of {len(value)} bytes is larger than the broker takes; raise kafka.max_batch_bytes",
            key=key,
            payload=value,
            now=now,
        )
    )


def spoiled_letter(spoiled: Spoiled, segment: int, now: int) -> Line:
    """Return the dead letter of a damaged place in the spool."""
    place = f"{segment}@{spoiled.offset}"
    return encode_letter(
        source_letter(
            service=_SERVICE,
            source="spool",
            address=place,
            number=place,
            reason=DeadLetterReason.MALFORMED,
            detail=f"damaged on disk, {len(spoiled.data)} bytes: {spoiled.reason}",
            key=None,
            payload=spoiled.data,
            now=now,
        )
    )
