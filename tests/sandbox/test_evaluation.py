"""How alerts are judged, with time drawn as lines: `=` an event, `!` an open alert."""

from __future__ import annotations

from andon.contracts import Alert, AlertState
from andon.contracts.examples import EXAMPLES
from sandbox.demo.alerts import spans
from sandbox.demo.evaluation import AlertSpan, Evaluation, LabelledEvent, evaluate

HOUR = 3_600_000_000


def stretches(line: str, mark: str) -> list[tuple[int, int | None]]:
    """Return start and end (None at the line's end) of each run of *mark*."""
    found: list[tuple[int, int | None]] = []
    for index, char in enumerate(line):
        if char == mark and (index == 0 or line[index - 1] != mark):
            end = next((i for i in range(index, len(line)) if line[i] != mark), None)
            found.append((index, end))
    return found


def judge(truth: str, raised: str, *, process: bool = True, grace: int = 1) -> Evaluation:
    events = [LabelledEvent("p", a, len(truth) if b is None else b, "wear", process) for a, b in stretches(truth, "=")]
    alerts = [AlertSpan("p", a, b, "") for a, b in stretches(raised, "!")]
    return evaluate(events, alerts, {"p": (0, len(truth))}, grace=grace)


def test_an_alert_during_an_event_finds_it_with_its_delay() -> None:
    outcome = judge("....======....", "......!!!.....")
    assert [delay for _, _, delay in outcome.found] == [2]
    assert not outcome.missed
    assert not outcome.false_alarms


def test_an_alert_that_was_open_before_the_event_has_no_delay() -> None:
    assert judge("....====..", "..!!!!!!..").median_delay == 0


def test_an_alert_that_ended_before_the_event_is_false_and_the_event_missed() -> None:
    outcome = judge("......===..", "..!!.......")
    assert len(outcome.missed) == len(outcome.false_alarms) == 1


def test_an_alert_just_after_the_event_counts_within_the_grace() -> None:
    assert judge("..===.....", ".....!!...", grace=1).found
    assert judge("..===.....", ".......!!.", grace=1).missed


def test_an_alert_that_never_resolved_does_not_find_earlier_events() -> None:
    outcome = judge(".==....===", ".....!!!!!")
    assert len(outcome.found) == 1
    assert len(outcome.missed) == 1


def test_a_sensor_fault_is_not_to_be_found_and_an_alert_on_it_is_false() -> None:
    outcome = judge("..====....", "...!!.....", process=False)
    assert not outcome.found
    assert not outcome.missed
    assert len(outcome.on_sensor_faults) == len(outcome.false_alarms) == 1


def test_normal_hours_leave_events_out_once() -> None:
    events = [
        LabelledEvent("p", 0, 2 * HOUR, "wear", process=True),
        LabelledEvent("p", HOUR, 3 * HOUR, "valve", process=True),
    ]
    alerts = [AlertSpan("p", 8 * HOUR, 9 * HOUR, "")]
    outcome = evaluate(events, alerts, {"p": (0, 10 * HOUR)}, grace=0)
    assert outcome.normal_hours == 7
    assert outcome.false_alarms_per_hour == 1 / 7


def test_an_alert_that_nobody_was_told_of_is_none() -> None:
    opened = EXAMPLES[Alert]
    assert isinstance(opened, Alert)
    over = opened.model_copy(update={"id": "over", "state": AlertState.RESOLVED, "time": opened.time + 1})
    suppressed = opened.model_copy(update={"id": "suppressed", "state": AlertState.SUPPRESSED})
    assert [(span.opened, span.resolved) for span in spans([opened, over])] == [(opened.time, opened.time + 1)]
    assert spans([suppressed, over]) == []
