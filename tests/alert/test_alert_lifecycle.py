"""The life of an alert, drawn as a line: one character is one window of 10 s.

In: ``.`` normal, ``~`` normal but in the deadband, ``!`` anomaly, ``?`` abstaining, ``L`` below the limit and
``C`` below the critical limit (both without a model), a blank no window at all. In maintenance: ``m`` normal, ``M``
anomaly, ``V`` abstaining.

Out: ``O`` opened, ``W`` worsened, ``R`` resolved, ``X`` lapsed, ``S`` suppressed, ``E`` released; where nothing is told
the state after the window: blank quiet, ``p`` pending, ``o`` open, ``c`` open and calm, ``s`` suppressed.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import AlertState, Decision
from andon.features import FeatureDefinition
from andon.plant import AssetClass, Tag
from andon.plant.alarms import Flapping
from andon.plant.model import ModelSpec
from services.alert.lifecycle import Lifecycle
from services.alert.state import Open, Pending, Quiet, State, dump_state, load_state
from services.alert.window import Change, ChangeKind, Window, worst

SECOND = 1_000_000
STEP = 10 * SECOND
AT_ONCE = Lifecycle(
    open_after=0,
    resolve_after=40 * SECOND,
    hysteresis=0.1,
    blind_after=60 * SECOND,
    suppressed_in=("maintenance", "changeover"),
    flapping=Flapping(openings=100),
)
PATIENT = replace(AT_ONCE, open_after=20 * SECOND)
CHATTERING = replace(AT_ONCE, resolve_after=STEP, flapping=Flapping(openings=2, within=120 * SECOND, quiet=40 * SECOND))

BROKEN = frozenset({"flow:low"})
SIGNS = {
    ".": Window(0, 0, Decision.NORMAL, score=0.5, threshold=1.0),
    "~": Window(0, 0, Decision.NORMAL, score=0.95, threshold=1.0),
    "!": Window(0, 0, Decision.ANOMALY, score=2.0, threshold=1.0),
    "?": Window(0, 0, Decision.ABSTAIN),
    "L": Window(0, 0, Decision.ABSTAIN, broken=BROKEN),
    "C": Window(0, 0, Decision.ABSTAIN, severity="critical", broken=BROKEN | {"flow:low_low"}),
}
SIGNS |= {
    inside: replace(SIGNS[outside], circumstances=frozenset({"maintenance", "running"}))
    for inside, outside in zip("mMV", ".!?", strict=True)
}
MARKS = dict(zip(ChangeKind, "OWRXSEA", strict=True))

lines = st.text(alphabet="".join(SIGNS) + " ", max_size=40)
rules = st.builds(
    Lifecycle,
    open_after=st.sampled_from([0, 2 * STEP]),
    resolve_after=st.sampled_from([0, STEP, 4 * STEP]),
    hysteresis=st.sampled_from([0.0, 0.1]),
    blind_after=st.sampled_from([2 * STEP, 6 * STEP]),
    suppressed_in=st.sampled_from([(), ("maintenance",)]),
    flapping=st.sampled_from([Flapping(), Flapping(openings=1, within=20 * STEP, quiet=3 * STEP)]),
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
    if state.suppressed_by:
        return "s"
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


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("MMMM!!!", "ppSsssE"),  # told once as suppressed, opened when the machine is back and as bad for long enough
        ("MMMM!.!!!", "ppSsssssE"),  # which one good window interrupts
        ("MMM.....", "ppSssssR"),  # or over before anybody was told of it
        ("!!!mmmmm", "ppOSsssR"),  # an open alert is suppressed; calm ends it all the same
        ("!!!VVV!!!", "ppOSssssE"),  # or it is open again afterwards
        ("!!!V???!!!", "ppOSsssssE"),  # what cannot be judged neither releases nor resolves
        ("MMMVVVVVVV", "ppSssssssX"),  # but not for ever
        ("!!MM!!!", "ppSsssE"),  # it is how the machine is when the alert would open that counts
    ],
)
def test_what_is_planned_suppresses(line: str, expected: str) -> None:
    assert draw(PATIENT, line) == expected


def test_a_suppressed_alert_that_worsens_says_so_when_it_is_released() -> None:
    inside = replace(SIGNS["C"], time=STEP, circumstances=frozenset({"changeover"}))
    state, suppressed = AT_ONCE.advance(Quiet(), replace(SIGNS["M"], time=0))
    state, nothing = AT_ONCE.advance(state, inside)
    _, released = AT_ONCE.advance(state, replace(SIGNS["!"], time=2 * STEP))
    assert nothing is None
    assert suppressed is not None
    assert (suppressed.state, suppressed.alert.suppressed_by) == (AlertState.SUPPRESSED, "maintenance")
    assert released is not None
    assert (released.state, released.alert.severity) == (AlertState.OPEN, "critical")
    assert released.alert.causes == ("flow:low", "flow:low_low")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("!..!..!....!.....", "OcROcROccccoccccR"),  # the third within two minutes stays open, as one
        ("!..!..........!..", "OcROcR        OcR"),  # two, and one later on, are no flapping
    ],
)
def test_an_alert_that_comes_and_goes_is_held_open_until_a_longer_calm(line: str, expected: str) -> None:
    assert draw(CHATTERING, line) == expected


def test_flapping_is_said_once_and_is_remembered_between_alerts() -> None:
    changes = [change for _, _, change in live(CHATTERING, "!..!..!.....!") if change]
    assert [change.alert.flapping for change in changes] == [False, False, False, False, True, True, True]
    assert [change.kind for change in changes][4:] == [ChangeKind.OPENED, ChangeKind.RESOLVED, ChangeKind.OPENED]


def test_a_severity_that_rose_stays_to_the_end() -> None:
    changes = [change for _, _, change in live(AT_ONCE, "!C!.....") if change]
    assert [(change.kind, change.state, change.alert.severity) for change in changes] == [
        (ChangeKind.OPENED, AlertState.OPEN, "warning"),
        (ChangeKind.WORSENED, AlertState.OPEN, "critical"),
        (ChangeKind.RESOLVED, AlertState.RESOLVED, "critical"),
    ]
    assert worst() == "info"


def test_a_change_names_the_run_that_led_to_it() -> None:
    opened, resolved = [change for _, _, change in live(PATIENT, "..!!!!.....") if change]
    assert (opened.alert.since, opened.alert.opened, opened.first_offset) == (2 * STEP, 4 * STEP, 2)
    assert (resolved.alert.since, resolved.alert.opened, resolved.first_offset) == (2 * STEP, 4 * STEP, 6)


def test_one_missing_window_never_makes_an_asset_blind() -> None:
    slow = AssetClass(tags={"flow": Tag()}, features=FeatureDefinition(window=3_600 * SECOND), model=ModelSpec())
    assert Lifecycle.of(slow, blind_after=60 * SECOND).blind_after == 2 * 3_600 * SECOND


@given(rules, lines)
def test_an_alert_has_one_beginning_and_one_end(lifecycle: Lifecycle, line: str) -> None:
    alert: Open | None = None
    for window, _, change in live(lifecycle, line):
        if change is None:
            continue
        told = change.alert
        if alert is None:
            assert change.kind in (ChangeKind.OPENED, ChangeKind.SUPPRESSED)
            assert told.opened == window.time
            assert told.opened - told.since >= lifecycle.open_after
        else:
            assert change.kind is not ChangeKind.OPENED
            assert (told.opened, told.since) == (alert.opened, alert.since)
            assert worst(alert.severity, told.severity) == told.severity
            assert set(alert.causes) <= set(told.causes)
        alert = None if change.state is AlertState.RESOLVED else told


@given(rules, lines)
def test_nobody_hears_of_a_window_in_maintenance(lifecycle: Lifecycle, line: str) -> None:
    for window, _, change in live(replace(lifecycle, suppressed_in=("maintenance",)), line):
        if change and window.circumstances:
            assert change.state in (AlertState.SUPPRESSED, AlertState.RESOLVED)


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
