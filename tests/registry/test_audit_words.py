"""Whatever somebody made of the audit log, it can be shown and checked, and never steers a terminal."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from andon.registry.audit import Act, Entry, chained
from andon.registry.consistency import contradictions
from andon.registry.standing import standings
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.wording import act_in_words, evidence_of, printable, reason_of
from services.registry.view import entries_view

ACTIONS = ("published", "requested", "approved", "rejected", "rolled_back", "assigned", "withdrawn", "other")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = ("alias", "share_permille", "request", "requester", "replaces", "reason", "actor", "author")
ENTRIES = st.builds(
    Entry,
    number=st.integers(1, 5),
    at=st.integers(),
    actor=st.text(max_size=5),
    action=st.sampled_from(ACTIONS),
    name=st.sampled_from(["pump", "fan"]),
    version=st.text(max_size=5),
    details=st.text(max_size=9) | st.dictionaries(st.sampled_from(NAMES), JSON).map(json.dumps) | JSON.map(json.dumps),
    previous=st.text(max_size=3),
    hash=st.text(max_size=3),
)


@given(st.lists(ENTRIES, max_size=5))
def test_any_log_can_be_shown_and_checked(entries: list[Entry]) -> None:
    screen = io.StringIO()
    Console(file=screen, width=60).print(entries_view(entries))
    assert all(character.isprintable() or character == "\n" for character in screen.getvalue())
    stored = pb.ListResponse(promotions=[pb.Promotion(id=1, entry=1)], models=[pb.ModelVersion(entry=2)])
    list(contradictions(entries, stored))
    standings(entries, "pump")


@pytest.mark.parametrize(
    ("action", "details", "words"),
    [
        ("published", {"author": "anna"}, "anna published pump v1, signed by anna"),
        (
            "requested",
            {"alias": "canary", "share_permille": 25},
            "anna asked for pump v1 as canary on 2.5 % of the assets",
        ),
        (
            "requested",
            {"alias": "production", "share_permille": 1000, "replaces": "v0"},
            "anna asked for pump v1 as production on all assets, in place of v0",
        ),
        ("rejected", {"request": 3}, "anna rejected request 3: pump v1"),
        ("rolled_back", {"replaces": "v2"}, "anna rolled back from v2 to pump v1"),
        ("assigned", {"alias": "shadow"}, "anna made pump v1 the shadow"),
        ("withdrawn", {"alias": "shadow"}, "anna ended the shadow pump v1"),
        ("approved", {}, "anna approved pump v1"),
        ("sealed", {}, "anna sealed pump v1"),
    ],
)
def test_each_act_is_a_sentence(action: str, details: dict[str, str | int | bool], words: str) -> None:
    entry = chained(Act(1, "anna", action, "pump", "v1", {**details, "reason": "why\nnot", "key": "ab"}), None)
    assert (act_in_words(entry), reason_of(entry)) == (words, "why not")
    assert evidence_of(entry).endswith("key ab")


def test_what_would_steer_a_terminal_is_written_out() -> None:
    assert printable("a\x1b[2Jb\tc\x00") == r"a\x1b[2Jb c\x00"
