"""What stands on the bus: events by their contracts, records with their keys and headers, names of events."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl
from polars.testing import assert_frame_equal
from pydantic import BaseModel, ValidationError

from andon.contracts import CATALOGUE, DeadLetter, Feedback, PlantEvent
from andon.contracts.base import Event, faults
from andon.contracts.examples import EXAMPLES
from andon.contracts.headers import LINEAGE_HEADER, TRACEPARENT_HEADER
from andon.errors import ConfigError
from andon.lineage.chain import Link, Place, parse_id, parse_lineage
from andon.stream.codec import Decoder, encode_values
from andon.stream.deadletters import dead_letter, encode_letter, parse_letter
from andon.stream.plant_events import event_lines
from andon.stream.stage import OFFSET, TRACEPARENT
from andon.tracing.span import continued
from andon.uns import Stage
from services.alert.inbox import Inbox
from tests.fuzz.plant import ASSET, PLANT
from tests.fuzz.target import Target, always

_KEY = ASSET.encode()
#: Records of a batch. So many feature vectors take the way of wide rows, see `andon.stream.rows`.
_BATCH = {Stage.FEATURE: 33}
_STAGES = (Stage.RAW, Stage.CONTEXT, Stage.FEATURE, Stage.INFERENCE, Stage.ALERT)
_DECISIONS = [EXAMPLES[CATALOGUE[stage].event] for stage in (Stage.FEATURE, Stage.INFERENCE, Stage.ALERT)]
_CONTRACTS: tuple[type[BaseModel], ...] = tuple(dict.fromkeys(spec.event for spec in CATALOGUE.values()))
_TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was read."""

    offset: int
    value: bytes | None
    key: bytes | None = _KEY
    headers: Sequence[tuple[str, bytes | None]] = ()


def example(event: type[BaseModel]) -> bytes:
    """Return a sound event, as JSON."""
    sound = EXAMPLES[event]
    features = {"features": dict.fromkeys(PLANT.classes["centrifugal-pump"].feature_definition.feature_names, 1.5)}
    return (
        sound.model_copy(update=features if event is CATALOGUE[Stage.FEATURE].event else {}).model_dump_json().encode()
    )


def decoder_target(stage: Stage) -> Target:
    """Return the target of the decoder of one stage's events."""
    event, good = CATALOGUE[stage].event, example(CATALOGUE[stage].event)
    decoder, count = Decoder(PLANT, event), _BATCH.get(stage, 3)

    def parse(data: bytes) -> None:
        records = [Record(0, data), *(Record(offset, good) for offset in range(1, count))]
        decoded = decoder.decode(records)
        rows = next(iter(decoded.rows.values()))
        assert all(each.detail for each in decoded.rejected)
        assert [each.offset for each in decoded.rejected] + rows[OFFSET].to_list() == list(range(count))
        again = decoder.decode([Record(*pair) for pair in zip(rows[OFFSET], _encoded(rows), strict=True)])
        assert_frame_equal(next(iter(again.rows.values())), rows)
        for rejected in decoded.rejected:
            _letter_reads_back(dead_letter(rejected, records[0], service="s", topic="t", partition=0, now=1))

    promise = "its record becomes a row that reads back or one dead letter; all records around it become rows"
    return Target(f"decoder-{stage}", promise, always(parse), lambda: [good])


def _encoded(rows: pl.DataFrame) -> list[bytes]:
    return encode_values(rows.drop(OFFSET, TRACEPARENT))


def _letter_reads_back(letter: DeadLetter) -> None:
    assert parse_letter(encode_letter(letter).value or b"") == letter


def _events(data: bytes) -> None:
    """Read an event by every contract; what fits none is refused with what the last one says."""
    refusals = [_event(contract, data) for contract in _CONTRACTS]
    if None not in refusals:
        assert all(refusals)
        raise ValueError(refusals[-1])


def _event(contract: type[BaseModel], data: bytes) -> str | None:
    try:
        event = contract.model_validate_json(data)
    except ValidationError as error:
        return faults(error)
    assert contract.model_validate_json(event.model_dump_json()) == event
    _taken(event)
    return None


def _taken(event: BaseModel) -> None:
    if isinstance(event, Feedback):
        Inbox().tell(event)
    elif isinstance(event, PlantEvent):
        event_lines(PLANT, [event])
    elif isinstance(event, DeadLetter):
        with contextlib.suppress(ValueError):  # the copy in it may be damaged
            _letter_reads_back(parse_letter(event.model_dump_json().encode()))


_FRAME = example(CATALOGUE[Stage.RAW].event)
_DECODER = Decoder(PLANT, CATALOGUE[Stage.RAW].event)


def _headers(data: bytes) -> None:
    """Read a record with these headers; Kafka also allows a header without a value."""
    value = None if data == b"\x00" else data
    headers = [(TRACEPARENT_HEADER, value), (LINEAGE_HEADER, value), ("other", value)]
    record = Record(0, _FRAME, headers=headers)
    decoded = _DECODER.decode([record])
    (rows,) = decoded.rows.values()
    _, spans = continued(rows, "context", 1, {})
    assert all(len(span.context) == len(_TRACE) for span in spans)
    (rejected,) = _DECODER.decode([replace(record, value=b"{")]).rejected
    _letter_reads_back(dead_letter(rejected, record, service="s", topic="t", partition=0, now=1))
    link = Link(Place("t", 0, 0, 0), {}, dict(headers), 1)
    assert link.made_of is None or parse_lineage(_written(link.made_of)) == link.made_of
    assert link.trace is None or isinstance(link.trace, str)


def _written(place: Place) -> str:
    return f"{place.topic}/{place.partition}@{place.first}-{place.last}"


def _ids(data: bytes) -> None:
    name = parse_id(data.decode(errors="replace"))
    assert name.asset
    assert name.time >= 0


TARGETS = (
    *map(decoder_target, _STAGES),
    Target(
        "events",
        "an event of any contract is refused, naming the field, or reads back equal from its own JSON",
        always(_events),
        lambda: [example(contract) for contract in _CONTRACTS],
        (ValueError,),
    ),
    Target(
        "headers",
        "trace and lineage are read or passed over; the record is taken, or its dead letter reads back",
        always(_headers),
        lambda: [_TRACE, b"uns.v1.acme.north.context/3@1200-1219", b"\x00", b""],
    ),
    Target(
        "ids",
        "an id of a decision is taken apart, or refused",
        always(_ids),
        lambda: [event.id.encode() for event in _DECISIONS if isinstance(event, Event)],
        (ConfigError,),
    ),
)
