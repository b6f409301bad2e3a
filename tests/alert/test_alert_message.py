"""What people read. Every text here is a snapshot: read it aloud before you change it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import Context, Contribution, Decision, Inference, LimitViolation, MachineState
from andon.plant import AssetClass, Message, Tag
from andon.plant.alarms import Circumstance
from andon.words import asset_in_words, difference, number, number_pair, tidy, unit_in_words
from services.alert.message import Wording
from services.alert.reason import broken_limits, circumstances, main_reason, suspect
from services.alert.state import Open
from services.alert.window import Change, ChangeKind

PUMP = AssetClass(
    tags={
        "flow": Tag(unit="m^3/h"),
        "bearing_temperature": Tag(unit="degC"),
        "vibration": Tag(unit="mm/s"),
        "TT-101": Tag(),
    },
    messages=(
        Message(
            tag="flow",
            direction="low",
            text="{asset} moves {percent} % less water than normal ({value} {unit}): clean the strainer.",
        ),
        Message(tag="bearing_temperature", severity="critical", text="{tag} of {asset} at {value} {unit}. Stop it."),
        Message(tag="vibration", direction="high", text="{asset} shakes."),
    ),
)
WORDING = Wording(PUMP)


def part(feature: str, tag: str, value: float, normal: float, share: float = 1.0) -> Contribution:
    return Contribution(feature=feature, tag=tag, share=share, value=value, normal=normal, deviation=9.0)


def inference(*parts: Contribution, limits: tuple[LimitViolation, ...] = (), **fields: Any) -> Inference:
    given_fields: dict[str, Any] = {
        "id": "i",
        "asset": "water/line-1/station-1/pump-3",
        "time": 20,
        "start": 10,
        "ingest_time": 21,
        "asset_class": "pump",
        "definition": "d",
        "model": None,
        "decision": Decision.ANOMALY if parts else Decision.ABSTAIN,
        "score": 2.0,
        "threshold": 1.0,
        "contributions": list(parts),
        "limit_violations": list(limits),
    }
    return Inference(**given_fields | fields)


def change(kind: ChangeKind, **fields: Any) -> Change:
    return Change(kind, Open(judged=0, opened=0, since=0, severity="warning", **fields), 0)


def said(*parts: Contribution, limits: tuple[LimitViolation, ...] = (), **fields: Any) -> str:
    return WORDING.message(change(ChangeKind.OPENED), inference(*parts, limits=limits, **fields))


def test_the_first_message_that_fits_is_used() -> None:
    assert said(part("flow_mean", "flow", 41.27, 53.6)) == (
        "Pump 3 (station 1) moves 23% less water than normal (41.3 m³/h): clean the strainer."
    )
    assert said(part("bearing_temperature_max", "bearing_temperature", 88.04, 60.2)) == (
        "bearing temperature of Pump 3 (station 1) at 88 °C. Stop it."
    )


def test_where_percent_say_nothing_the_unit_takes_their_place() -> None:
    assert said(part("flow_mean", "flow", -3.0, 0.01)) == (
        "Pump 3 (station 1) moves 3.01 m³/h less water than normal (-3 m³/h): clean the strainer."
    )


def test_without_a_message_the_default_says_what_how_much_and_what_to_do() -> None:
    assert said(part("flow_mean", "flow", 70.0, 53.6)) == (
        "Pump 3 (station 1): flow is 31% above normal (70 instead of 53.6 m³/h). "
        "Look at the machine and at this sensor; if both are well, report a false alarm."
    )
    assert said(part("TT-101_min", "TT-101", 20.04, 20.02)).startswith(
        "Pump 3 (station 1): TT-101 is 0.02 above normal (20.04 instead of 20.02). Look"
    )


def test_a_restless_signal_is_not_a_high_one() -> None:
    assert said(part("vibration_rms", "vibration", 4.0, 2.0)) == "Pump 3 (station 1) shakes."
    assert said(part("vibration_std", "vibration", 4.0, 2.0)).startswith(
        "Pump 3 (station 1): spread of vibration is 100% above normal (4 instead of 2 mm/s)."
    )
    assert said(part("vibration_slope", "vibration", -0.5, 0.0)).startswith(
        "Pump 3 (station 1): slope of vibration is 0.5 mm/s/s below normal (-0.5 instead of 0 mm/s/s)."
    )
    assert said(part("vibration_kurtosis", "vibration", 9.0, 3.0)).startswith(
        "Pump 3 (station 1): kurtosis of vibration is 200% above normal (9 instead of 3)."
    )


def test_an_anomaly_without_reasons_says_so() -> None:
    assert said(decision=Decision.ANOMALY) == (
        "Pump 3 (station 1) does not run as usual, and no single signal stands out. "
        "Look at the machine; if it is well, report a false alarm."
    )


LOW = LimitViolation(tag="flow", bound="low", limit=15.0, value=14.98)
HOT = LimitViolation(tag="bearing_temperature", bound="high_high", limit=95.0, value=101.3)


def test_a_broken_limit_has_its_own_sentence() -> None:
    assert said(limits=(LOW,)) == (
        "Pump 3 (station 1): flow reached 14.98 m³/h, below the limit of 15 m³/h. Look at the machine."
    )
    assert said(limits=(LOW, HOT)) == (
        "Pump 3 (station 1): bearing temperature reached 101 °C, above the critical limit of 95 °C. "
        "Also outside limits: flow. Look at the machine at once."
    )
    assert said(part("vibration_rms", "vibration", 4.0, 2.0), limits=(LOW,)) == (
        "Pump 3 (station 1): flow reached 14.98 m³/h, below the limit of 15 m³/h. Pump 3 (station 1) shakes."
    )


def test_the_end_of_an_alert_says_whether_it_is_proved() -> None:
    calm = inference(decision=Decision.NORMAL)
    assert WORDING.message(change(ChangeKind.RESOLVED), calm) == "Pump 3 (station 1) is back to normal."
    blind = inference(reason="too few good samples")
    assert WORDING.message(change(ChangeKind.LAPSED), blind) == (
        "Pump 3 (station 1) cannot be judged for now (too few good samples), and no limit has been seen broken since. "
        "This alert is closed without proof that the machine is well: look at it and at its sensors."
    )


def test_suppressed_and_flapping_alerts_say_why() -> None:
    hot = inference(part("bearing_temperature_max", "bearing_temperature", 88.04, 60.2))
    stopped = change(ChangeKind.SUPPRESSED, suppressed_by="planned_stop")
    what = "bearing temperature of Pump 3 (station 1) at 88 °C. Stop it."
    assert WORDING.message(stopped, hot) == f"{what} Suppressed while the machine is stopped as planned."
    assert WORDING.message(stopped, inference(decision=Decision.NORMAL)) == (
        "Suppressed while the machine is stopped as planned."
    )
    assert WORDING.message(change(ChangeKind.OPENED, flapping=True), hot) == (
        f"{what} This comes and goes, so it stays open until the machine has been well for 15min."
    )
    assert WORDING.message(change(ChangeKind.WORSENED, flapping=True), hot) == what


@pytest.mark.parametrize("circumstance", [*Circumstance, "shelved"])
def test_every_circumstance_has_words(circumstance: str) -> None:
    text = WORDING.message(change(ChangeKind.SUPPRESSED, suppressed_by=circumstance), inference())
    assert text.startswith("Suppressed while ")


def test_what_suppresses_is_maintenance_and_the_machines_state() -> None:
    assert circumstances(None) == circumstances(Context()) == frozenset()
    assert circumstances(Context(maintenance="bearing", machine_state=MachineState.CHANGEOVER)) == {
        "maintenance",
        "changeover",
    }


def test_the_models_reason_is_a_cause() -> None:
    assert suspect(inference(part("flow_mean", "flow", 1.0, 2.0))) == "flow:anomaly"
    assert suspect(inference(decision=Decision.ANOMALY)) == "anomaly"
    assert suspect(inference(limits=(LOW,))) is None


def test_severity_is_the_gravest_of_limits_and_message() -> None:
    assert WORDING.severity(inference(part("flow_mean", "flow", 1.0, 2.0))) == "warning"
    assert WORDING.severity(inference(part("bearing_temperature_mean", "bearing_temperature", 90.0, 60.0))) == (
        "critical"
    )
    assert WORDING.severity(inference(limits=(LOW,))) == "warning"
    assert WORDING.severity(inference(part("flow_mean", "flow", 1.0, 2.0), limits=(LOW, HOT))) == "critical"


def test_the_main_tag_has_the_largest_sum_and_a_level_speaks_for_it() -> None:
    reason = main_reason(
        [
            part("vibration_rms", "vibration", 4.0, 2.0, share=0.3),
            part("flow_kurtosis", "flow", 9.0, 3.0, share=0.25),
            part("flow_mean", "flow", 1.0, 2.0, share=0.1),
            part("flow_min", "flow", 0.5, 2.0, share=0.05),
        ]
    )
    assert reason is not None
    assert (reason.feature.feature, reason.direction) == ("flow_mean", "low")
    assert main_reason([]) is None


def test_beyond_the_critical_limit_the_other_is_broken_too() -> None:
    assert broken_limits(inference(limits=(LOW, HOT))) == {
        "flow:low",
        "bearing_temperature:high",
        "bearing_temperature:high_high",
    }


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("pump", "Pump"),
        ("hall/line_2/filling-machine-1", "Filling machine 1 (line 2)"),
        ("L1/P-101", "P-101 (L1)"),
    ],
)
def test_assets_are_called_as_people_call_them(path: str, words: str) -> None:
    assert asset_in_words(path) == words


def test_numbers_show_what_matters() -> None:
    assert [number(x) for x in (0.0, -0.0, 12345.6, 999.7, 0.001234, 12.0)] == [
        "0",
        "0",
        "12346",
        "1000",
        "0.00123",
        "12",
    ]
    assert number_pair(100.4, 100.2) == ("100.4", "100.2")
    assert [difference(*pair, "bar") for pair in ((3.0, 4.0), (0.2, 0.0), (50.0, 1.0), (4.01, 4.0))] == [
        "25%",
        "0.2 bar",
        "49 bar",
        "0.01 bar",
    ]
    assert [unit_in_words(unit) for unit in ("degC", "m**3/h", "percent", None)] == ["°C", "m³/h", "%", ""]
    assert tidy("a  b .") == "a b."


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.sampled_from(["mean", "std", "slope", "kurtosis", "unheard_of"]))
def test_every_anomaly_can_be_said(value: float, normal: float, aggregate: str) -> None:
    text = said(part(f"flow_{aggregate}", "flow", value, normal))
    assert text.startswith("Pump 3 (station 1)")
    assert len(text) < 300
    assert "{" not in text
