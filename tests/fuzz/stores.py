"""What is read back from a disk or a database: blocks of the spool, rows of an MES; and two texts that others send."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from andon.contracts import PlantEvent
from andon.stream.plant_events import event_lines
from andon.units import parse_duration
from andon.uns import Stage
from andon.uns.places import places_of
from services.ingest.outlet.block import (
    HEADER_BYTES,
    Block,
    BlockError,
    Damage,
    Entry,
    decode_block,
    encode_block,
    walk,
)
from services.mes.event import EventMaker, Refusal
from services.mes.mapping import Table
from services.mes.progress import Progress, ReadRow
from services.mes.scale import Scale
from services.notify.answer import Later, judge
from tests.fuzz.plant import ASSET, PLANT
from tests.fuzz.target import Target, always

_NOW = 1_767_225_600_000_000
_BLOCK = Block(Stage.RAW, ((ASSET.encode(), b'{"flow":41.7}'), (b"", b"\x00\xff"), (ASSET.encode(), b"")))


def _segment(data: bytes) -> None:
    """Walk a segment: every byte is of a block or of a damage, and what a block holds is what was written."""
    end = 0
    for part in walk(lambda offset, count: data[offset : offset + count], 0, len(data)):
        assert part.start == end
        assert part.end > part.start
        end = part.end
        if not isinstance(part, Damage):
            _block(part, data[part.start : part.end])
    assert end == len(data)


def _block(entry: Entry, data: bytes) -> None:
    try:
        block = decode_block(entry, data)
    except BlockError as error:
        reason = str(error)
    else:
        reason = "taken"
        assert zlib.decompress(encode_block(block, entry.written)[HEADER_BYTES:]) == zlib.decompress(
            data[HEADER_BYTES:]
        )
    assert reason


def _content(data: bytes) -> None:
    """Read a block whose checksums hold, of any number of lines (the first bytes) and any content (the others)."""
    lines = int.from_bytes(data[:4], "little")
    payload = zlib.compress(data[4:], 1)
    fields = struct.pack("<4sIIqI", b"ASP1", len(payload), lines, _NOW, zlib.crc32(payload))
    _segment(fields + struct.pack("<I", zlib.crc32(fields)) + payload)


def _contents() -> list[bytes]:
    plain = zlib.decompress(encode_block(_BLOCK, _NOW)[HEADER_BYTES:])
    return [len(_BLOCK.pairs).to_bytes(4, "little") + plain, b"\x00\x00\x00\x00\x03raw"]


# Rows, as PostgreSQL writes them: columns to text or null.

_PLACE = {"column": "centre", "map": {"WC10": ASSET, "ALL": ""}}
_COLUMNS = {"watermark": "changed", "key": "number", "name": "number", "place": _PLACE, "start": "started"}
_MORE = {"end": "finished", "revision": "revision", "attributes": {"unit": "uom", "item_time": "cycle"}}
_PLACES = places_of(PLANT.assets)
_MAKERS = [
    EventMaker("sap", Table.model_validate_json(json.dumps({"from": "public.t"} | _COLUMNS | table)), _PLACES)
    for table in (
        {"kind": "product"} | _MORE | {"time_zone": "Europe/Berlin"},
        {"kind": "machine_state", "place": "centre", "key": ["number", "centre"]},
    )
]
_ROW: dict[str, str | None] = {
    "number": "4711",
    "centre": "WC10",
    "started": "2026-03-01 06:00:00+00",
    "finished": None,
    "revision": "3",
    "uom": "pieces",
    "cycle": "1.5s",
    "changed": "2026-03-01 06:00:00.5+00",
}


def _rows(data: bytes) -> None:
    row = _row(data)
    for maker in _MAKERS:
        made = maker.event(row)
        if isinstance(made, Refusal):
            assert made.detail
        elif made is not None:
            assert PlantEvent.model_validate_json(made.model_dump_json()) == made
            event_lines(PLANT, [made])
        Progress(0).sift([ReadRow(0, "k", row)], maker)
    watermark = Scale.INSTANT.text(Scale.INSTANT.number(row["changed"] or ""))
    assert Scale.INSTANT.text(Scale.INSTANT.number(watermark)) == watermark


def _row(data: bytes) -> dict[str, str | None]:
    """Return a row with those columns of *data* that PostgreSQL could hold: no NUL, no half of a surrogate pair."""
    try:
        given: Any = json.loads(data)
    except (ValueError, RecursionError):
        given = {column: data.decode(errors="replace") for column in _ROW}
    named = given if isinstance(given, dict) else {}
    return {column: _text(named.get(column, text)) for column, text in _ROW.items()}


def _text(value: Any) -> str | None:
    return None if value is None else repr(value).strip("'").encode(errors="replace").decode().replace("\x00", "")


def _duration(data: bytes) -> None:
    assert isinstance(parse_duration(data.decode(errors="replace")), int)


def _retry_after(data: bytes) -> None:
    answer = judge(429, data.decode(errors="surrogateescape"), "", _NOW)
    assert isinstance(answer, Later)
    assert 0 <= answer.wait <= 86_400_000_000


TARGETS = (
    Target(
        "spool-segment",
        "every byte of a segment is of a whole block or of a damage, which become events and dead letters",
        always(_segment),
        lambda: [encode_block(_BLOCK, _NOW) * 2, encode_block(Block(Stage.EVENT, ()), _NOW)],
    ),
    Target(
        "spool-block",
        "a block whose checksums hold reads back as it was written, or is refused with the reason",
        always(_content),
        _contents,
    ),
    Target(
        "mes-rows",
        "a row becomes an event that reads back, a refusal with the reason, or has not begun",
        always(_rows),
        lambda: [json.dumps(_ROW).encode(), json.dumps(_ROW | {"number": "running", "centre": ASSET}).encode()],
    ),
    Target("durations", "a duration is read, or refused", always(_duration), lambda: [b"1.5h", b"30ms"], (ValueError,)),
    Target(
        "retry-after",
        "a webhook's answer asks for a wait between nothing and a day",
        always(_retry_after),
        lambda: [b"120", b"Wed, 21 Oct 2026 07:28:00 GMT"],
    ),
)
