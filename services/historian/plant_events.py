"""Events about the plant: what the bus tells, told to the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from pydantic import ValidationError

from andon.clock import MILLISECOND, to_datetime
from andon.contracts import DeadLetterReason, PlantEvent
from andon.database import Database
from andon.stream.codec import Consumed
from services.historian.batch import Refused

_TELL = "SELECT andon.tell_record($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Told:
    """One event and the number of its record in the batch."""

    record: int
    arguments: tuple[object, ...]


def read_events(records: Sequence[Consumed]) -> tuple[list[Told], list[Refused]]:
    """Return the events of *records* and the records that hold none."""
    told, refused = [], []
    for number, record in enumerate(records):  # per-event Python: there are a few a minute
        try:
            event = PlantEvent.model_validate_json(record.value or b"")
        except ValidationError as error:
            refused.append(_refused(number, error))
        else:
            told.append(Told(number, _arguments(event, record)))
    return told, refused


async def tell(database: Database, told: Sequence[Told]) -> int:
    """Tell the database and return how much of it was news."""
    async with database.acquire() as connection, connection.transaction():
        return sum([await connection.fetchval(_TELL, *each.arguments) for each in told])


def _arguments(event: PlantEvent, record: Consumed) -> tuple[object, ...]:
    return (
        *(event.id, event.kind, event.asset or "", event.name),
        *(to_datetime(event.time), None if event.end is None else to_datetime(event.end)),
        orjson.dumps(event.attributes).decode(),
        event.revision,
        to_datetime(record.timestamp * MILLISECOND),
        f"{record.topic}/{record.partition}",
        record.offset,
    )


def _refused(number: int, error: ValidationError) -> Refused:
    findings = error.errors(include_url=False)
    broken = any(finding["type"] == "json_invalid" for finding in findings)
    detail = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'record'}: {each['msg']}" for each in findings)
    reason = DeadLetterReason.NOT_JSON if broken else DeadLetterReason.SCHEMA
    return Refused(number, reason, detail[:_DETAIL_LENGTH])
