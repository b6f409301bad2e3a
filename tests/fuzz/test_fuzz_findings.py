"""Inputs that the search has found to break something, each with what it broke then."""

from __future__ import annotations

import base64
import json
import struct
import zlib

import orjson
import pytest

from andon.contracts import DeadLetter
from andon.settings import KafkaSettings
from andon.stream.deadletters import parse_letter
from tests.fuzz.bus import example
from tests.fuzz.target import Backends, examine
from tests.fuzz.targets import TARGETS

_LONG = "9" * 5_000  # more digits than Python reads


def changed(target: str, **fields: object) -> bytes:
    """The first sound input of a target with other fields."""
    return json.dumps(orjson.loads(TARGETS[target].seeds()[0]) | fields).encode()


def told(variant: bytes) -> bytes:
    """An OPC UA notification of one value, in the binary encoding."""
    return struct.pack("<iIB", 1, 0, 1) + variant + struct.pack("<i", -1)


@pytest.mark.parametrize(
    ("target", "data", "taken"),
    [
        pytest.param(
            "decoder-raw", b"\x1f\x8b", True, id="a value that begins like gzip ended every stage that read it"
        ),
        pytest.param("headers", b"\x00", True, id="a header without a value ended every stage that read it"),
        pytest.param("headers", f"t/{_LONG}@0-1".encode(), True, id="a lineage of endless digits ended andon why"),
        pytest.param("ids", f"a@{_LONG}:alert".encode(), False, id="so did an id of endless digits"),
        pytest.param("mqtt", b's/flow\n{"t": 1e305, "value": 3}', False, id="a time beyond any float ended the source"),
        pytest.param(
            "mes-rows", changed("mes-rows", revision=_LONG), True, id="an endless revision ended the MES feed"
        ),
        pytest.param("durations", b"1" * 400 + b"h", False, id="an endless duration failed the alerts API, unanswered"),
        pytest.param("retry-after", b"Wed, 1" + b"1" * 400, True, id="a far date in Retry-After ended a delivery"),
        pytest.param("retry-after", b"1 Jan 99999999999999999999 00:00:00", True, id="and so did a far year"),
        pytest.param(
            "spool-block",
            b"\x01\x00\x00\x00\x03raw" + b"\xff\x00\x00\x00" * 2,
            True,
            id="lengths beyond the block's end cut an event short, and nobody was told",
        ),
        *(
            pytest.param("opcua-encoding", told(variant), False, id=f"{name} took all memory and time of ingest")
            for name, variant in {
                "an array of nothing": b"\x80" + struct.pack("<i", 2**31 - 1),
                "texts that begin before they end": b"\x8c" + struct.pack("<ii", 2**31 - 1, -4),
                "a matrix of no elements": b"\xc1" + struct.pack("<ibiii", 1, 1, 2, 1000, 1000),
                "a matrix of many zeros": b"\xc1" + struct.pack("<ib8i", 1, 1, 7, 7, 0, *[8] * 5),
            }.items()
        ),
        *(
            pytest.param("recording-mapping", data, False, id=f"{name} in a mapping ended andon with a traceback")
            for name, data in {
                "no such day": b"a: 2001-99-99\n",
                "no number behind 0x": b"a: 0x_\n",
                "an endless number": b"a: " + _LONG.encode(),
                "no integer in a tag": b'a: !!int ""\n',
                "no boolean in a tag": b"a: !!bool x\n",
                "deep nesting": b"[" * 1_200,
            }.items()
        ),
    ],
)
def test_what_once_broke_something_is_taken_or_refused(target: str, data: bytes, taken: bool) -> None:
    with TARGETS[target].open(Backends()) as parse:
        assert examine(TARGETS[target], parse, data) is taken


def test_a_letter_whose_copy_is_damaged_or_swells_is_no_dead_letter() -> None:
    sound = orjson.loads(example(DeadLetter))
    assert parse_letter(json.dumps(sound).encode()).value == sound["value"]
    bomb = base64.b64encode(zlib.compress(b"0" * (65 * 2**20))).decode()
    for value in (sound["value"][:-8], "AAAA", "?", bomb):
        with pytest.raises(ValueError, match=r"copy of the original|base64|padding|characters"):
            parse_letter(json.dumps(sound | {"value": value}).encode())


def test_a_token_that_is_no_text_is_the_wrong_token(kafka: KafkaSettings) -> None:
    target = TARGETS["alert-api"]
    with target.open(Backends(kafka=kafka)) as parse:
        assert examine(target, parse, target.seeds()[0].replace(b"Bearer secret", b"Bearer s\xff"))
