"""What counts when, of facts that may overlap, have no end, and are corrected."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from andon.production import Change, Fact, Knowledge
from andon.production.facts import FOREVER, Kind
from andon.production.timeline import Timeline, overlay

facts = st.builds(
    lambda number, start, length, place: Fact(
        f"f{number}", 0, Kind.ORDER, place, f"o{number}", start, None if length is None else start + length
    ),
    number=st.integers(0, 9),
    start=st.integers(0, 40),
    length=st.none() | st.integers(0, 15),
    place=st.sampled_from(["", "line", "line/pump"]),
)


def order(name: str, start: int, end: int | None, place: str = "line/pump", revision: int = 0) -> Fact:
    return Fact(name, revision, Kind.ORDER, place, name, start, end)


def drawn(facts: Sequence[Fact], length: int) -> str:
    """Draw what counts, a letter a unit of time."""
    timeline = Timeline.of(facts)
    return "".join(
        next((fact.name for start, end, fact in timeline.spans if start <= t < end), ".") for t in range(length)
    )


def test_of_facts_that_overlap_the_one_that_starts_last_counts() -> None:
    assert drawn([order("A", 0, 8), order("B", 2, 5)], 10) == "AABBBAAA.."


def test_what_has_no_end_lasts_until_the_next_starts() -> None:
    assert drawn([order("A", 0, None), order("B", 3, 5), order("C", 7, None)], 10) == "AAABB..CCC"


def test_what_ends_when_it_begins_never_was() -> None:
    assert drawn([order("A", 0, None), order("B", 3, 3)], 6) == "AAAAAA"


def test_overlaps_are_told() -> None:
    assert Timeline.of([order("A", 0, 8), order("B", 2, 5), order("C", 8, None)]).overlaps == {"B"}
    assert Timeline.of([order("A", 0, None), order("B", 2, 5)]).overlaps == frozenset()


def test_the_nearest_place_counts() -> None:
    knowledge = Knowledge()
    knowledge.load([order("S", 0, 10, ""), order("L", 2, 8, "line"), order("P", 4, 6, "line/pump")])
    layers = [knowledge.between(Kind.ORDER, place, 0, 12) for place in ("line/pump", "line", "")]
    found = [(start, fact.name if fact else None) for start, fact in overlay(layers, 0, 12)]
    assert found == [(0, "S"), (2, "L"), (4, "P"), (6, "L"), (8, "S"), (10, None)]


def counting(facts: Sequence[Fact], moment: int) -> Fact | None:
    """The rule itself, for one place: of those that last, the one that starts last, of equal ones the last told."""

    def end(fact: Fact) -> int:
        starts = [other.start for other in facts if other.start > fact.start and other.end != other.start]
        return min(starts, default=FOREVER) if fact.end is None else fact.end

    lasting = [fact for fact in facts if fact.start <= moment < end(fact)]
    return max(lasting, key=lambda fact: (fact.start, facts.index(fact)), default=None)


@given(told=st.lists(facts, max_size=8, unique_by=lambda fact: fact.id))
def test_a_timeline_is_what_the_rule_says(told: list[Fact]) -> None:
    timeline = Timeline.of(told)
    for moment in range(60):
        at = [fact for start, end, fact in timeline.spans if start <= moment < end]
        assert at == [fact for fact in [counting(told, moment)] if fact]


@given(told=st.lists(facts, max_size=12))
def test_news_change_nothing_outside_the_change_they_are_said_to_make(told: list[Fact]) -> None:
    knowledge = Knowledge()
    for number, fact in enumerate(told):
        before = {place: at_all_times(knowledge, place) for place in ("", "line", "line/pump")}
        changes = knowledge.tell(fact)
        for place, was in before.items():
            after = at_all_times(knowledge, place)
            differing = {moment for moment in range(60) if was[moment] != after[moment]}
            allowed = {
                t for change in changes if change.place == place for t in range(change.start, min(change.end, 60))
            }
            assert differing <= allowed, (number, fact, changes)


def at_all_times(knowledge: Knowledge, place: str) -> list[Fact | None]:
    spans = knowledge.between(Kind.ORDER, place, 0, 60)
    return [next((fact for start, end, fact in spans if start <= t < end), None) for t in range(60)]


@given(told=st.lists(facts, max_size=8), order_told=st.permutations(range(8)))
def test_the_highest_revision_counts_whatever_the_order(told: list[Fact], order_told: list[int]) -> None:
    from dataclasses import replace

    revised = [replace(fact, id="f", revision=number) for number, fact in enumerate(told)]
    one, other = Knowledge(), Knowledge()
    for fact in revised:
        one.tell(fact)
    for index in order_told:
        for fact in revised[index : index + 1]:
            other.tell(fact)
    for place in ("", "line", "line/pump"):
        assert at_all_times(one, place) == at_all_times(other, place)


def test_what_is_told_twice_changes_nothing() -> None:
    knowledge = Knowledge()
    assert knowledge.tell(order("A", 5, 8)) == (Change(Kind.ORDER, "line/pump", 5, 8),)
    assert knowledge.tell(order("A", 5, 8)) == ()
    assert knowledge.tell(order("A", 6, 9, revision=1)) == (
        Change(Kind.ORDER, "line/pump", 5, 8),
        Change(Kind.ORDER, "line/pump", 6, 9),
    )
    assert knowledge.tell(order("A", 1, 2)) == ()


def test_what_is_over_is_forgotten_and_what_lasts_is_not() -> None:
    knowledge = Knowledge()
    knowledge.load([order("A", 0, 5), order("B", 2, None), order("C", 6, None)])
    assert knowledge.forget(before=6) == 2
    assert [fact.name if fact else "." for fact in at_all_times(knowledge, "line/pump")[4:8]] == [".", ".", "C", "C"]
