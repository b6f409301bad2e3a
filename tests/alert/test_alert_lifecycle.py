"""The life of an alert, drawn as a line: one character is one window of 10 s.

In: ``.`` normal, ``~`` normal but in the deadband, ``!`` anomaly, ``?`` abstaining, ``L`` below the limit and
``C`` below the critical limit (both without a model), a blank no window at all.

Out: ``O`` opened, ``W`` worsened, ``R`` resolved, ``X`` lapsed; where nothing is told the state after the window:
blank quiet, ``p`` pending, ``o`` open, ``c`` open and calm.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import AlertState, Decision
from andon.features import FeatureDefinition
from andon.plant import AssetClass, Tag
from andon.plant.model import ModelSpec
from services.alert.lifecycle import Change, ChangeKind, Lifecycle, Window, worst
from services.alert.state import Pending, Quiet, State, dump_state, load_state

SECOND = 1_000_000
STEP = 10 * SECOND
AT_ONCE = Lifecycle(open_after=0, resolve_after=40 * SECOND, hysteresis=0.1, blind_after=60 * SECOND)
PATIENT = replace(AT_ONCE, open_after=20 * SECOND)

BROKEN = frozenset({"flow:low"})
SIGNS = {
    ".": Window(0, 0, Decision.NORMAL, score=0.5, threshold=1.0),
    "~": Window(0, 0, Decision.NORMAL, score=0.95, threshold=1.0),
    "!": Window(0, 0, Decision.ANOMALY, score=2.0, threshold=1.0),
    "?": Window(0, 0, Decision.ABSTAIN),
    "L": Window(0, 0, Decision.ABSTAIN, broken=BROKEN),
    "C": Window(0, 0, Decision.ABSTAIN, severity="critical", broken=BROKEN | {"flow:low_low"}),
}
MARKS = dict(zip(ChangeKind, "OWRX", strict=True))

lines = st.text(alphabet="".join(SIGNS) + " ", max_size=40)
rules = st.builds(
    Lifecycle,
    open_after=st.sampled_from([0, 2 * STEP]),
    resolve_after=st.sampled_from([0, STEP, 4 * STEP]),
    hysteresis=st.sampled_from([0.0, 0.1]),
    blind_after=st.sampled_from([2 * STEP, 6 * STEP]),
)


def windows(line: str) -> list[Window]:
    return [replace(SIGNS[sign], time=i * STEP, offset=i) for i, sign in enumerate(line) if sign != " "]


def live(lifecycle: Lifecycle, line: str) -> list[tuple[Window, State, Change | None]]:
    state: State = Quiet()
    steps = []
    for window in windows(line):
        state, change = lifecycle.advance(state, window)
        steps.append((window, state, change))
    return steps


def draw(lifecycle: Lifecycle, line: str) -> str:
    drawn = [" "] * len(line)
    for window, state, change in live(lifecycle, line):
        drawn[window.offset] = MARKS[change.kind] if change else _phase(state)
    return "".join(drawn)


def _phase(state: State) -> str:
    if isinstance(state, Quiet):
        return " "
    if isinstance(state, Pending):
        return "p"
    return "o" if state.calm is None else "c"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("..!!!..!!......", "  OooccooccccR "),  # a short calm does not resolve
        ("!.....!", "OccccRO"),  # the next anomaly is a new alert
        ("!..~.....", "OccoccccR"),  # below the threshold is not calm: it must be clearly below
        ("!....      .....", "Occcc      ccccR"),  # calm on both sides of a long gap is no calm in it
    ],
)
def test_an_alert_ends_after_a_calm_without_a_break(line: str, expected: str) -> None:
    assert draw(AT_ONCE, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (".!!.!!!!", " pp ppOo"),  # a short anomaly opens nothing
        ("!~!!!", "p ppO"),  # the deadband only delays the end
        ("!  !", "p  O"),  # missing windows interrupt nothing ...
        ("!       !!!", "p       ppO"),  # ... unless the asset was blind meanwhile
    ],
)
def test_an_alert_opens_after_anomalies_without_a_break(line: str, expected: str) -> None:
    assert draw(PATIENT, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("????", "    "),
        ("!?!!", "ppOo"),
        ("!???????!!!", "ppppppp ppO"),  # blind: what was pending is void
        ("!!!..?..!", "ppOccccRp"),
        ("!!!??????.", "ppOooooooc"),
        ("!!!???????!!!", "ppOooooooXppO"),  # blind for too long: closed unconfirmed, ready to open again
        ("LLL???????LLL", "ppOooooooXppO"),  # so limits keep watch where there is no model at all
    ],
)
def test_abstaining_neither_opens_nor_resolves_but_ends_a_blind_alert(line: str, expected: str) -> None:
    assert draw(PATIENT, line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("!!LLC!L!.....", "OoWoWoooccccR"),  # each broken limit is told once, also one after another
        ("C!L", "Ooo"),  # what gets better is not told before the end
    ],
)
def test_an_open_alert_tells_only_what_is_worse(line: str, expected: str) -> None:
    assert draw(AT_ONCE, line) == expected


def test_a_severity_that_rose_stays_to_the_end() -> None:
    changes = [change for _, _, change in live(AT_ONCE, "!C!.....") if change]
    assert [(change.kind, change.state, change.severity) for change in changes] == [
        (ChangeKind.OPENED, AlertState.OPEN, "warning"),
        (ChangeKind.WORSENED, AlertState.OPEN, "critical"),
        (ChangeKind.RESOLVED, AlertState.RESOLVED, "critical"),
    ]
    assert worst() == "info"


def test_a_change_names_the_run_that_led_to_it() -> None:
    opened, resolved = [change for _, _, change in live(PATIENT, "..!!!!.....") if change]
    assert (opened.since, opened.opened, opened.first_offset) == (2 * STEP, 4 * STEP, 2)
    assert (resolved.since, resolved.opened, resolved.first_offset) == (2 * STEP, 4 * STEP, 6)


def test_one_missing_window_never_makes_an_asset_blind() -> None:
    slow = AssetClass(tags={"flow": Tag()}, features=FeatureDefinition(window=3_600 * SECOND), model=ModelSpec())
    assert Lifecycle.of(slow, blind_after=60 * SECOND).blind_after == 2 * 3_600 * SECOND


@given(rules, lines)
def test_an_alert_has_one_beginning_and_one_end(lifecycle: Lifecycle, line: str) -> None:
    alert: Change | None = None
    for window, _, change in live(lifecycle, line):
        if change is None:
            continue
        assert (alert is None) == (change.kind is ChangeKind.OPENED)
        if alert is None:
            assert change.opened == window.time
            assert change.opened - change.since >= lifecycle.open_after
        else:
            assert (change.opened, change.since) == (alert.opened, alert.since)
            assert worst(alert.severity, change.severity) == change.severity
        alert = change if change.state is AlertState.OPEN else None


@given(rules, lines, st.data())
def test_windows_seen_before_change_nothing(lifecycle: Lifecycle, line: str, data: st.DataObject) -> None:
    steps = live(lifecycle, line)
    seen = data.draw(st.integers(0, len(steps)))
    state: State = steps[seen - 1][1] if seen else Quiet()
    for window, _, _ in steps[data.draw(st.integers(0, seen)) : seen]:
        assert lifecycle.advance(state, window) == (state, None)


@given(rules, lines)
def test_a_state_survives_its_storage(lifecycle: Lifecycle, line: str) -> None:
    for _, state, _ in live(lifecycle, line):
        assert load_state(dump_state(state)) == state
