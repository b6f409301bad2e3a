"""Who asks for a new model, what is refused and why, and what is never learned from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import Alert, AlertState, Feedback, ModelEvent
from andon.contracts.examples import EXAMPLES
from andon.plant import Plant
from services.trainer.retraining.decision import Standing, learnable, refusal_of, withdrawn
from services.trainer.retraining.due import due_requests
from services.trainer.retraining.labels import abnormal_intervals
from services.trainer.retraining.ledger import Ledger
from services.trainer.retraining.reports import Reports
from services.trainer.retraining.requests import (
    Outcome,
    Periods,
    answered,
    asked_by_drift,
    asked_by_person,
    asked_by_schedule,
)
from tests.trainer.retraining import HOUR, OTHER, PERIODS, PUMP, SECOND, START, plant, report

NOW = START + 1_000 * HOUR
BY_DRIFT, BY_SCHEDULE = asked_by_drift(report(), NOW, PERIODS), asked_by_schedule("pump", NOW, PERIODS)
BY_PERSON = asked_by_person("pump", NOW, START, "anna", "new impeller")


def standing(
    *, running: str | None = None, trained: int | None = None, faulty: frozenset[str] = frozenset()
) -> Standing:
    return Standing(running, trained, faulty, NOW)


@pytest.mark.parametrize(
    ("request_", "drift", "how", "code"),
    [
        (BY_DRIFT, {}, standing(), None),
        (BY_DRIFT, {"retrain": False}, standing(), "disabled"),
        (BY_SCHEDULE, {"retrain": False}, standing(), None),
        (BY_DRIFT, {}, standing(faulty=frozenset({PUMP})), "faulty_data"),
        (BY_DRIFT, {}, standing(faulty=frozenset({OTHER})), None),
        (BY_SCHEDULE, {}, standing(faulty=frozenset({PUMP})), None),
        (BY_SCHEDULE, {}, standing(faulty=frozenset({PUMP, OTHER})), "faulty_data"),
        (BY_PERSON, {}, standing(running="another"), "already_running"),
        (BY_DRIFT, {"cool_down": "2h"}, standing(trained=NOW - HOUR), "cooling_down"),
        (BY_DRIFT, {"cool_down": "2h"}, standing(trained=NOW - 2 * HOUR), None),
        (BY_PERSON, {"cool_down": "2h"}, standing(trained=NOW - HOUR), None),
        (asked_by_person("valve", NOW, START, "anna", "why not"), {}, standing(), "unknown_class"),
    ],
)
def test_a_request_is_refused_for_a_reason_or_taken(
    request_: ModelEvent, drift: dict[str, Any], how: Standing, code: str | None
) -> None:
    refusal = refusal_of(request_, plant(**drift), how)
    assert (refusal and refusal.code) == code


def test_what_has_drifted_is_learned_from_its_new_normal_and_the_rest_from_the_newest_data() -> None:
    settling = Periods(settling=HOUR, history=24 * HOUR)
    moved = asked_by_drift(report(START + 2 * HOUR), NOW, settling).retrain
    decayed = asked_by_drift(report(START + 30 * HOUR, cause="model_decay"), NOW, settling).retrain
    assert moved
    assert decayed
    assert (moved.since, moved.until) == (START + HOUR, START + 3 * HOUR)
    assert (decayed.since, decayed.until) == (START + 6 * HOUR, START + 31 * HOUR)
    assert learnable(BY_DRIFT, plant(), frozenset({OTHER})) == (PUMP,)
    assert learnable(BY_DRIFT, plant(), frozenset()) == (PUMP, OTHER)


def heard(*reports: Any) -> Reports:
    found = Reports()
    for number, each in enumerate(reports):
        found.take(each, NOW + number * SECOND)
    return found


def ids(model: Plant, reports: Reports, ledger: Ledger, now: int) -> list[str]:
    return [request.id for request in due_requests(model, reports, ledger, PERIODS, now)]


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (None, None),
        ({"cause": "sensor_fault", "retrain": "refused"}, "faulty_data"),
        ({"state": "stable", "cause": "none", "retrain": "no"}, "outdated"),
        ({"cause": "model_decay"}, "outdated"),  # which asks itself, for other data
    ],
)
def test_a_request_that_waits_is_withdrawn_when_something_else_is_said_of_its_machine(
    later: dict[str, Any] | None, code: str | None
) -> None:
    found = heard(report(), report(START + 9, asset=OTHER, retrain="refused"))
    if later is not None:
        found.take(report(START + 1, **later), NOW)
    refusal = withdrawn(BY_DRIFT, found)
    assert (refusal and refusal.code) == code
    assert withdrawn(BY_PERSON, found) is None


def closed(ledger: Ledger, request: ModelEvent, action: Outcome, now: int, **changes: Any) -> None:
    ledger.take(request)
    ledger.take(answered(request, action, now, "because", **changes))


def test_a_report_asks_once_and_only_while_it_is_the_newest_of_its_machine() -> None:
    ledger, drifted = Ledger(), report()
    assert ids(plant(), heard(drifted), ledger, NOW) == [BY_DRIFT.id]
    assert ids(plant(), heard(drifted, report(START + 1, state="stable", retrain="no")), ledger, NOW) == []
    ledger.take(BY_DRIFT)
    assert ids(plant(), heard(drifted, drifted), ledger, NOW) == []
    assert [each.id for each in ledger.waiting] == [BY_DRIFT.id]


def test_what_was_not_trained_is_asked_for_again_after_the_cool_down_unless_a_candidate_was_made_since() -> None:
    model, drifted = plant(cool_down="2h"), heard(report(), report(asset=OTHER))
    beside = asked_by_drift(report(asset=OTHER), NOW, PERIODS)
    failed, made = Ledger(), Ledger()
    for ledger, action in ((failed, "retrain_failed"), (made, "retrained")):
        closed(ledger, BY_DRIFT, action, NOW + HOUR)  # type: ignore[arg-type]
        closed(ledger, beside, "retrain_refused", NOW + SECOND, code="already_running")
        assert ids(model, drifted, ledger, NOW + 3 * HOUR - 1) == []
    assert ids(model, drifted, made, NOW + 3 * HOUR) == []
    again = ids(model, drifted, failed, NOW + 3 * HOUR)
    assert again == ids(model, drifted, failed, NOW + 9 * HOUR), (
        "whenever it is asked for again, it is the same request"
    )
    assert len(again) == 2
    for request in due_requests(model, drifted, failed, PERIODS, NOW + 3 * HOUR):
        failed.take(request)
    assert ids(model, drifted, failed, NOW + 9 * HOUR) == []


def test_a_schedule_begins_with_the_first_model_and_counts_from_the_newest() -> None:
    model, ledger = plant(retrain_every="10h"), Ledger()
    assert ids(model, Reports(), ledger, NOW) == []
    published = EXAMPLES[ModelEvent].model_copy(update={"name": "pump", "action": "published", "time": NOW})
    ledger.take(ModelEvent.model_validate(published.model_dump()))
    assert ids(model, Reports(), ledger, NOW + 10 * HOUR - 1) == []
    [request] = due_requests(model, Reports(), ledger, PERIODS, NOW + 10 * HOUR)
    assert [each.id for each in due_requests(model, Reports(), ledger, PERIODS, NOW + 15 * HOUR)] == [request.id]
    closed(ledger, request, "retrained", NOW + 11 * HOUR)
    assert ids(model, Reports(), ledger, NOW + 21 * HOUR - 1) == []
    assert len(ids(model, Reports(), ledger, NOW + 21 * HOUR)) == 1


@given(st.data())
def test_a_ledger_is_the_same_however_often_its_events_are_told(data: st.DataObject) -> None:
    """Delivery is at least once: a restart of the reader or of a writer tells any stretch again, each in its order."""
    events = [
        BY_DRIFT,
        answered(BY_DRIFT, "retrain_failed", NOW + 1, "no go", code="no_go"),
        BY_PERSON,
        BY_SCHEDULE,
        answered(BY_PERSON, "retrained", NOW + 2, "better", version="v", digest="d"),
    ]
    once, often = Ledger(), Ledger()
    for event in events:
        once.take(event)
    for number, event in enumerate(events):
        often.take(event)
        for repeated in events[data.draw(st.integers(0, number)) : number + 1]:
            often.take(repeated)
    assert [each.id for each in once.waiting] == [each.id for each in often.waiting] == [BY_SCHEDULE.id]
    assert once.trained_at("pump") == often.trained_at("pump") == NOW + 2


def alert(time: int, state: AlertState, name: str = "a") -> Alert:
    changes = {"alert": f"{PUMP}@{name}:alert", "asset": PUMP, "time": time, "state": state, "since": START}
    return EXAMPLES[Alert].model_copy(update=changes)  # type: ignore[return-value]


def verdict(said: str, author: str, time: int = START, name: str = "a") -> Feedback:
    changes = {"alert": f"{PUMP}@{name}:alert", "asset": PUMP, "author": author, "time": time}
    example = EXAMPLES[Feedback].model_dump() | changes | {"verdict": said, "alert": f"{PUMP}@1:alert"}
    return Feedback.model_validate(example).model_copy(update=changes)


def test_only_alerts_that_somebody_calls_real_are_kept_out_from_their_first_window_to_their_end() -> None:
    alerts = [alert(START + 50, AlertState.RESOLVED), *(alert(START + 9, AlertState.OPEN, name) for name in "abc")]
    said = [
        verdict("false", "anna", START),
        verdict("real", "anna", START + 1),  # she has looked again
        verdict("false", "ben"),
        verdict("real", "ben", name="b"),
        verdict("unsure", "anna", name="c"),
    ]
    window = plant().classes["pump"].features.window
    intervals = abnormal_intervals(plant(), alerts, said, NOW)
    assert intervals.rows() == [(PUMP, START - window, START + 50), (PUMP, START - window, NOW)]
