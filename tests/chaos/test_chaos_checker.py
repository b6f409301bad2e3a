"""The checker finds whatever is lost, changed, doubled or invented, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.plant import Plant
from tests.chaos.checker import Kind, compare
from tests.chaos.collect import Topic
from tests.chaos.expected import STAGES, content, expected_events
from tests.chaos.load import chaos_plant, live_frame
from tests.faults.processes import ASSETS

Named = tuple[str, dict[str, Any]]
START = 1_760_000_000_000_000
FRAMES = [live_frame(asset, index, START) for index in range(400) for asset in ASSETS]
EXPECTED = expected_events(Plant.model_validate(chaos_plant("north")), FRAMES)


def lost(events: list[Named], index: int) -> list[Named]:
    return events[:index] + events[index + 1 :]


def changed(events: list[Named], index: int) -> list[Named]:
    name, event = events[index]
    return [*events[:index], (name, event | {"time": event["time"] + 1}), *events[index + 1 :]]


def changed_once(events: list[Named], index: int) -> list[Named]:
    name, event = events[index]
    return [*events, (name, event | {"revision": 99})]


def doubled(events: list[Named], index: int) -> list[Named]:
    return [*events, events[index]]


def invented(events: list[Named], index: int) -> list[Named]:
    name, event = events[index]
    return [*events, (f"{name}-2", event)]


def named(stage: int) -> list[Named]:
    return [(name, dict(event)) for name, event in EXPECTED[STAGES[stage]].items()]


def kinds(stage: int, events: Sequence[Named]) -> Counter[Kind]:
    outcome = compare("here", EXPECTED[STAGES[stage]], events, once=True)
    return Counter(finding.kind for finding in outcome.findings)


@pytest.mark.parametrize(
    ("mutate", "kind"),
    [(lost, "lost"), (changed, "changed"), (changed_once, "changed"), (doubled, "doubled"), (invented, "invented")],
)
@given(stage=st.integers(0, len(STAGES) - 1), where=st.integers(0, 10_000))
def test_each_mutation_of_any_event_of_any_stage_is_found(
    mutate: Callable[[list[Named], int], list[Named]], kind: Kind, stage: int, where: int
) -> None:
    events = named(stage)
    assert kinds(stage, events) == Counter()
    found = kinds(stage, mutate(events, where % len(events)))
    assert found[kind] > 0
    assert found.keys() <= {kind, "doubled", "changed"}


def test_what_is_sent_again_with_the_same_content_is_counted_and_no_finding() -> None:
    events = named(0)
    outcome = compare("here", EXPECTED[STAGES[0]], [*events, *events[:7]], once=False)
    assert outcome.findings == ()
    assert (outcome.found, outcome.repeated) == (len(events), 7)


def test_the_undisturbed_run_has_windows_of_all_assets_and_alerts_that_open_and_end() -> None:
    context, feature, inference, alert = (EXPECTED[stage] for stage in STAGES)
    assert len(context) == len(FRAMES)
    assert len(feature) == len(inference) == len(ASSETS) * 39  # the fortieth window is open for half a second more
    assert {event["state"] for event in alert.values()} == {"open", "resolved"}


def test_only_that_news_were_out_of_reach_is_no_content() -> None:
    fresh, stale = ({"id": "a", "context": {"order": "7", "stale": each}} for each in (False, True))
    other = {"id": "a", "context": {"order": "8", "stale": False}}
    assert content(fresh) == content(stale) != content(other)


def test_the_frames_of_the_very_moment_in_which_a_load_begins_are_of_it() -> None:
    topic = Topic(cast("Any", None), FRAMES)
    assert [name for name, _ in topic.since(START)] == [frame["id"] for frame in FRAMES]
    assert [name for name, _ in topic.since(START + 1)] == [frame["id"] for frame in FRAMES[len(ASSETS) :]]
