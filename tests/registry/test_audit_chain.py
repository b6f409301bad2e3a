"""Whatever is done to the audit log behind its back is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.registry.audit import Act, Entry, Receipt, chained, findings

ACTS = st.builds(
    Act,
    at=st.integers(0, 2**52),
    actor=st.text(max_size=10),
    action=st.sampled_from(["published", "requested", "approved"]),
    name=st.text(max_size=5),
    version=st.text(max_size=5),
    details=st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers(-9, 9) | st.booleans(), max_size=3),
)


def log_of(acts: Sequence[Act]) -> list[Entry]:
    log: list[Entry] = []
    for act in acts:
        log.append(chained(act, log[-1] if log else None))
    return log


@given(st.lists(ACTS, max_size=6))
def test_a_log_that_nobody_touched_is_sound_and_bears_out_its_receipts(acts: list[Act]) -> None:
    log = log_of(acts)
    assert list(findings(log, [Receipt(entry.number, entry.hash) for entry in log])) == []


@given(st.lists(ACTS, min_size=1, max_size=6), st.data())
def test_any_edited_field_is_found(acts: list[Act], data: st.DataObject) -> None:
    log = log_of(acts)
    place = data.draw(st.integers(0, len(log) - 1))
    field = data.draw(st.sampled_from(["at", "actor", "action", "name", "version", "details", "previous", "hash"]))
    value = getattr(log[place], field)
    other: Any = value + 1 if field == "at" else f"{value}x"
    log[place] = replace(log[place], **{field: other})
    assert list(findings(log))


@given(st.lists(ACTS, min_size=2, max_size=6), st.data())
def test_an_entry_that_is_removed_before_the_end_is_found(acts: list[Act], data: st.DataObject) -> None:
    log = log_of(acts)
    del log[data.draw(st.integers(0, len(log) - 2))]
    assert "missing" in next(findings(log))


@given(st.lists(ACTS, min_size=2, max_size=6, unique_by=lambda act: act.at), st.data())
def test_reordered_entries_are_found_even_when_they_are_numbered_anew(acts: list[Act], data: st.DataObject) -> None:
    log = log_of(acts)
    place = data.draw(st.integers(0, len(log) - 2))
    log[place], log[place + 1] = log[place + 1], log[place]
    numbered = [replace(entry, number=number) for number, entry in enumerate(log, start=1)]
    assert list(findings(numbered))


@given(st.lists(ACTS, min_size=1, max_size=6))
def test_a_cut_off_end_is_found_by_a_receipt_and_by_nothing_else(acts: list[Act]) -> None:
    log = log_of(acts)
    proof = Receipt(log[-1].number, log[-1].hash)
    assert list(findings(log[:-1])) == []
    [finding] = findings(log[:-1], [proof])
    assert finding == f"entry {proof.number} is missing: its receipt proves that it was there"


@given(st.lists(ACTS, min_size=1, max_size=6))
def test_a_log_that_was_written_anew_with_hashes_that_fit_is_found_by_a_receipt(acts: list[Act]) -> None:
    proof = Receipt(len(acts), log_of(acts)[-1].hash)
    forged = log_of([*acts[:-1], replace(acts[-1], actor=f"{acts[-1].actor} not")])
    assert list(findings(forged)) == []
    assert "rewritten" in next(findings(forged, [proof]))


def test_a_receipt_is_read_as_it_is_written() -> None:
    receipt = Receipt(7, "ab" * 32)
    assert Receipt.parse(f" {receipt}\n") == receipt


@pytest.mark.parametrize("text", ["", "7", "x:" + "a" * 64, "7:abc"])
def test_what_is_no_receipt_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="NUMBER:HASH"):
        Receipt.parse(text)
