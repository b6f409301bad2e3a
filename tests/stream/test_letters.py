"""Dead letters: made from a record and back, chosen, summed up, and shown to a person."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from andon.contracts import DeadLetter, DeadLetterReason
from andon.stream.cli import _earliest
from andon.stream.codec import Line
from andon.stream.deadletters import (
    dead_letter,
    original_headers,
    original_key,
    original_value,
    source_letter,
    too_large,
)
from andon.stream.letter_view import letter_text, letters_table, original_text, printable, reasons_line
from andon.stream.letters import Digest, Selection, one_of_each, source_of
from andon.stream.stage import Rejected

LATE, SCHEMA = DeadLetterReason.LATE, DeadLetterReason.SCHEMA


@dataclass(frozen=True)
class Read:
    """A record as it was read."""

    offset: int = 5
    key: bytes | None = b"water/line-1/pump-3"
    value: bytes | None = b'{"asset":"x"}'
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def letter(record: Read | None = None, *, reason: DeadLetterReason = LATE, now: int = 0, **other: Any) -> DeadLetter:
    record = record or Read()
    at: dict[str, Any] = {"service": "feature", "topic": "uns.v1.acme.north.context", "partition": 3} | other
    return dead_letter(Rejected(record.offset, reason, "its window is closed"), record, now=now, **at)


@given(
    st.builds(
        Read,
        key=st.none() | st.binary(max_size=20),
        value=st.none() | st.binary(max_size=200),
        headers=st.dictionaries(st.text(max_size=5), st.binary(max_size=9), max_size=3).map(lambda d: list(d.items())),
    )
)
def test_the_original_comes_out_of_its_letter_unchanged(record: Read) -> None:
    sent = DeadLetter.model_validate_json(letter(record).model_dump_json())
    assert original_key(sent) == (record.key or b"")
    assert original_value(sent) == record.value
    assert original_headers(sent) == record.headers
    assert printable(letter_text(sent).replace("\n", "")) == letter_text(sent).replace("\n", "")


def test_what_a_source_delivered_is_shown_by_its_address_and_cannot_be_placed_again() -> None:
    at: dict[str, Any] = {"service": "ingest", "source": "edge", "address": "spBv1.0/a/DDATA/n", "number": "7@1"}
    made = source_letter(**at, reason=DeadLetterReason.MALFORMED, detail="cut off", key=None, payload=b"\x08", now=1)
    assert source_of(made) == "edge:spBv1.0/a/DDATA/n"
    assert letter_text(made).endswith("\n\n08")
    assert one_of_each([letter(Read(4)), made, made]) == [made, letter(Read(4))]


def test_the_letter_of_an_output_names_the_last_input_that_went_into_it() -> None:
    at: dict[str, Any] = {"service": "feature", "topic": "t", "partition": 1, "offset": 99, "now": 0}
    output = Line(b"pump", b"x" * 9, [("andon-lineage", b"t/1@10-20")])
    assert too_large(output, **at).offset == 20
    assert too_large(Line(b"\xff", b"", []), **at).offset == 99


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Selection(), True),
        (Selection(frozenset({LATE, SCHEMA})), True),
        (Selection(frozenset({SCHEMA})), False),
        (Selection(service="feature"), True),
        (Selection(service="context"), False),
        (Selection(asset="water/line-1/pump-3"), True),
        (Selection(asset="water/line-1"), True),
        (Selection(asset="water/line"), False),
        (Selection(since=1_000), True),
        (Selection(since=1_001), False),
    ],
)
def test_a_selection_takes_what_fits_all_that_it_names(wanted: Selection, taken: bool) -> None:
    assert wanted.takes(letter(now=1_000)) is taken


def test_a_digest_keeps_the_newest_and_counts_all_once() -> None:
    digest = Digest(limit=2)
    for offset, now in enumerate([30, 10, 40, 20]):
        for _ in range(2):  # delivered again
            digest.add(letter(Read(offset), now=now, reason=SCHEMA if now > 30 else LATE))
    assert [one.time for one in digest.letters] == [30, 40]
    assert digest.reasons == {LATE: 3, SCHEMA: 1}
    assert reasons_line(digest.reasons) == "4 dead letters: late 3, schema 1"


def test_what_was_sent_back_and_failed_again_is_sent_once_in_the_first_ones_place() -> None:
    first, other, again = Read(3, value=b"a"), Read(5, value=b"b"), Read(9, value=b"a")
    found = one_of_each(letter(record) for record in (again, other, first))
    assert [one.offset for one in found] == [3, 5]


def test_originals_that_were_not_copied_are_each_their_own() -> None:
    found = one_of_each(letter(Read(offset, value=None)) for offset in (4, 3, 3))
    assert [one.offset for one in found] == [3, 4]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b'{"a":\n "\xc3\xa9"}', '{"a":\n "é"}'),
        (b'{"a": "\xc2\x9b2J"}', '{"a": "\\x9b2J"}'),
        (b"{broken", "7b 62 72 6f 6b 65 6e"),
        (b"\xff\x00", "ff 00"),
        (b"", ""),
    ],
)
def test_an_original_is_shown_as_text_if_it_is_json_else_in_hexadecimal(value: bytes, text: str) -> None:
    assert original_text(value) == text


def test_what_a_stranger_sent_cannot_steer_the_terminal() -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(letters_table([letter(Read(key=b"\x1b[2J[red]pump"))]))
    assert "\\x1b[2J[red]pump" in console.export_text()


def test_since_and_last_name_the_earliest_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("andon.stream.cli.wall_clock", lambda: 10_000_000_000)
    assert _earliest(None, None) == 0
    assert _earliest(None, "2h") == 2_800_000_000
    assert _earliest("1970-01-01T00:01", None) == _earliest("1970-01-01T01:01+01:00", None) == 60_000_000


@pytest.mark.parametrize(("since", "last"), [("yesterday", None), (None, "long"), ("2026-01-01", "2h")])
def test_a_moment_that_cannot_be_read_is_refused(since: str | None, last: str | None) -> None:
    with pytest.raises(typer.BadParameter):
        _earliest(since, last)
