"""What is said of machines: at changes of state only, with cause, evidence and a next step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import DriftReport, Feedback
from andon.models import Reference, make_bundle
from andon.plant import Plant
from andon.stream.stage import Processor
from services.drift.opinions import Opinions
from services.drift.processor import Watches, drift_stage
from services.drift.settings import WatchSettings
from services.drift.watch import Abstaining, Watch
from tests.drift.pumps import (
    ASSETS,
    FAULT,
    FAULTS,
    NAMES,
    PLANT,
    PLANT_FILE,
    PUMP,
    REFERENCE,
    STEP,
    T0,
    bundle,
    everything,
    miscalibrated,
    normal,
    numbered,
    played,
    reports_of,
    silent,
    undisturbed,
    vectors,
    watch,
    worn,
)

WORN, WRONG, SOUND, SILENT = ASSETS


def place(report: DriftReport) -> int:
    """Return the number of the window that brought a report, from the first that was played."""
    return (report.time - T0) // STEP - REFERENCE - 501


def told(reports: list[DriftReport], asset: str) -> list[DriftReport]:
    return [report for report in reports if report.asset == asset]


def test_each_fault_is_told_with_its_cause_and_a_sound_machine_is_left_alone() -> None:
    reports = undisturbed(everything())
    assert [(r.state, r.cause, r.retrain) for r in told(reports, SOUND)] == [("stable", "none", "no")]
    worn_pump = told(reports, WORN)
    assert [(r.state, r.cause, r.retrain) for r in worn_pump] == [
        ("stable", "none", "no"),
        ("warning", "unknown", "no"),
        ("drift", "process_drift", "wanted"),
    ]
    assert set(worn_pump[-1].sensors) >= {"power", "flow", "pressure"}
    assert [(r.state, r.cause, r.sensors, r.retrain) for r in told(reports, WRONG)][-1] == (
        ("drift", "sensor_fault", ["flow"], "refused")
    )
    assert [(r.state, r.cause, r.sensors, r.retrain) for r in told(reports, SILENT)][-1] == (
        ("drift", "sensor_fault", ["pressure"], "refused")
    )


def test_a_report_says_since_when_what_was_seen_and_what_to_do() -> None:
    _, warning, drift = told(undisturbed(everything()), WORN)
    began = T0 + (REFERENCE + 500 + FAULT) * STEP
    assert abs(drift.since - began) <= 3 * STEP
    assert FAULT < place(warning) <= FAULT + 10
    assert place(drift) == place(warning) + WatchSettings().settle - 1
    assert drift.id == f"{WORN}@{drift.time}:drift:{bundle().ref.version}"
    assert drift.message.startswith("Pump 1 (hall) has not been as in its reference period since 2023-11-15T04:06:")
    assert drift.action.startswith("Find out what has changed at the machine")
    words = {(evidence.detector, evidence.subject): evidence.words for evidence in drift.evidence}
    assert words["level", "pressure_mean"].endswith(" bar below what the other signals foretell")
    ratios = [evidence.statistic / evidence.threshold for evidence in drift.evidence]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[-1] >= 1
    assert drift.promised == PUMP.drift.false_alarms_per_30_days


@settings(max_examples=3)
@given(at_once=st.integers(1, 400))
def test_reports_do_not_depend_on_how_windows_come_in_batches(at_once: int) -> None:
    assert by_asset(undisturbed(everything(160), at_once=at_once)) == by_asset(undisturbed(everything(160)))


def by_asset(reports: list[DriftReport]) -> list[DriftReport]:
    return sorted(reports, key=lambda report: report.id)


@settings(max_examples=3)
@given(cut=st.integers(1, 639))
def test_a_restart_changes_nothing_wherever_it_comes(cut: int) -> None:
    rows = numbered(everything(160))
    first = opened()
    state: dict[str, Any] = {}
    before = []
    for part in rows[:cut].iter_slices(40):
        result = first.process("pump", part, int(part["offset"][-1]) * STEP // 4)
        before += reports_of([result])
        state |= result.state
    needed = first.needed_from()
    resume = cut if needed is None else needed
    second = opened(orjson.loads(orjson.dumps(state)))
    after = reports_of([second.process("pump", part, 0) for part in rows[resume:].iter_slices(40)])
    assert by_asset([*before, *after]) == by_asset(undisturbed(everything(160)))
    assert cut - 60 * len(ASSETS) - 40 <= resume <= cut, "and little is read again"


def opened(state: dict[str, Any] | None = None, watches: Watches | None = None, plant: Plant = PLANT) -> Processor:
    if watches is None:
        watches = Watches(plant)
        watches.swap("pump", watch())
    return drift_stage(plant, WatchSettings(snapshot_every=60 * STEP), watches).open(state or {}, 0)


def test_state_is_written_in_turns_and_what_it_holds_is_not_needed_again() -> None:
    processor = opened()
    rows = numbered(everything(130))
    result = processor.process("pump", rows[:4], 0)
    assert set(result.state) == set(ASSETS), "the first report of each"
    assert processor.needed_from() is None
    assert not processor.process("pump", rows[4:8], STEP).state
    assert processor.needed_from() == 4
    later = processor.tick(62 * STEP, 0)
    assert set(later.state) == set(ASSETS)
    assert processor.needed_from() is None


def test_what_has_passed_is_told_too() -> None:
    features = normal(600, seed=7)
    features[60:120] = worn(features[60:120])
    reports = undisturbed(vectors(features, WORN, first=REFERENCE + 500))
    assert [report.state for report in reports] == ["stable", "warning", "drift", "stable"]
    assert reports[-1].cause == "none"


def test_history_corrections_and_a_machine_that_is_stopped_are_not_watched() -> None:
    rows = played(WORN, worn)
    for unseen in (
        rows.with_columns(origin=pl.lit("backfill")),
        rows.with_columns(revision=pl.lit(2, pl.Int64)),
        played(WORN, worn, machine_state="idle"),
        played(WORN, worn, maintenance="grease"),
    ):
        assert undisturbed(unseen) == []
    assert undisturbed(played(WORN, worn, machine_state="running"))[-1].state == "drift"


def test_a_product_never_seen_is_no_drift_and_asks_for_data_first() -> None:
    known = played(SOUND, None, product="water")
    [stable] = undisturbed(known, product="water")
    assert (stable.state, stable.regime) == ("stable", "product water")
    reports = undisturbed(pl.concat([known[:50], played(SOUND, None, product="milk")[50:]]), product="water")
    assert [(r.state, r.cause, r.retrain, r.regime) for r in reports[1:]] == [
        ("warning", "new_regime", "no", "product milk"),
        ("drift", "new_regime", "no", "product milk"),
    ]
    assert "product milk" in reports[-1].message
    assert undisturbed(played(SOUND, None, product="milk")) == undisturbed(played(SOUND, None)), "not told apart then"


def old() -> Watch | Abstaining:
    return Watch.of(make_bundle(bundle().manifest, bundle().onnx, created=1), PUMP)


def damaged() -> Watch | Abstaining:
    return Watch.of(dataclasses.replace(bundle(), reference=b"no parquet"), PUMP)


def other_features() -> Watch | Abstaining:
    classes = {"pump": PLANT_FILE["classes"]["pump"] | {"features": {"window": "20s"}}}
    return Watch.of(bundle(), Plant.model_validate(PLANT_FILE | {"classes": classes}).classes["pump"])


def with_reference_of(windows: int) -> Watch | Abstaining:
    """Keep so many windows of each pump."""
    reference = Reference.parse(bundle().reference or b"", NAMES)
    content = Reference.of(reference.frame, NAMES, rows=windows * len(ASSETS)).render()
    return Watch.of(dataclasses.replace(bundle(), reference=content), PUMP)


def too_short() -> Watch | Abstaining:
    return with_reference_of(10)


def test_what_is_too_short_to_be_tried_on_itself_is_not_believed() -> None:
    untried = with_reference_of(100)  # machines that are alike are calibrated together
    assert isinstance(untried, Abstaining)
    assert untried.reason.startswith("reference_too_short: too short for a trial of 60% of it on the rest: ")
    assert isinstance(with_reference_of(130), Watch)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (old, "no_reference"),
        (damaged, "no_reference"),
        (other_features, "feature_hash"),
        (too_short, "reference_too_short"),
    ],
)
def test_what_cannot_be_watched_is_said_once_with_the_reason(made: Any, code: str) -> None:
    watches = Watches(PLANT)
    assert reports_of([opened(None, watches).process("pump", numbered(played(SOUND, None, 2)), 0)])[0].reason == (
        "no_model: there is no trusted model for class pump"
    )
    watches.swap("pump", made())
    [report] = reports_of([opened(None, watches).process("pump", numbered(played(SOUND, None, 20)), 0)])
    assert (report.state, report.retrain, report.evidence) == ("abstain", "no", [])
    assert str(report.reason).partition(":")[0] == code
    assert report.message.startswith("Pump 3 (hall) is not watched for drift: ")
    assert report.action


def test_a_machine_that_the_reference_lacks_is_taken_for_one_like_the_others_or_not_watched() -> None:
    stranger = vectors(normal(100, seed=5), "hall/pump-9", first=REFERENCE)
    plant = Plant.model_validate(PLANT_FILE | {"assets": {"hall/pump-9": {"class": "pump"}}})
    watches = Watches(plant)
    watches.swap("pump", watch())
    [report] = reports_of([opened(None, watches, plant).process("pump", numbered(stranger), 0)])
    assert report.state in ("stable", "abstain")


def test_vectors_of_another_definition_are_not_compared() -> None:
    other = played(SOUND, None, 20).with_columns(definition=pl.lit("0" * 12))
    [report] = undisturbed(other)
    assert report.state == "abstain"
    assert str(report.reason).startswith("feature_hash: ")
    back = undisturbed(pl.concat([other, played(SOUND, None, 40)[20:]]))
    assert [report.state for report in back] == ["abstain", "stable"]


def test_with_another_model_machines_begin_afresh_and_say_so() -> None:
    watches = Watches(PLANT)
    watches.swap("pump", watch())
    processor = opened(None, watches)
    rows = numbered(played(WORN, worn))
    first = reports_of([processor.process("pump", rows[:250], 0)])
    assert first[-1].state == "drift"
    later = dataclasses.replace(watch(), model=watch().model.model_copy(update={"version": "0" * 12}))
    watches.swap("pump", later)
    second = reports_of([processor.process("pump", rows[250:], 0)])
    assert second[0].state == "stable"
    assert second[0].model is not None
    assert second[0].model.version == "0" * 12
    assert [report.state for report in second[1:]] == ["warning", "drift"], "and finds it again"


def test_gauges_show_the_state_and_the_evidence_of_each_machine() -> None:
    watches = Watches(PLANT)
    watches.swap("pump", watch())
    spec = drift_stage(PLANT, WatchSettings(), watches)
    result = spec.open({}, 0).process("pump", numbered(everything()), 0)
    amounts: dict[tuple[str, ...], float] = {}
    for each in spec.measure("pump", result):
        labels = tuple(value for _, value in sorted(each.labels.items()))
        amounts[each.metric, *labels] = each.amount
    assert amounts["andon_drift_state", WORN, "drift"] == 1
    assert amounts["andon_drift_state", SOUND, "stable"] == 1
    assert amounts["andon_drift_state", SOUND, "drift"] == 0
    assert amounts["andon_drift_statistic_ratio", SOUND, "level"] < 1
    assert amounts["andon_drift_evidence_ratio", SOUND] < amounts["andon_drift_evidence_ratio", WORN]
    assert amounts["andon_drift_watched_seconds_total", "pump"] == everything().height * STEP // 1_000_000
    assert amounts["andon_drift_reports_total", "pump", "process_drift", "drift"] == 1


def verdict(number: int, real: bool, *, later: int = 0) -> Feedback:
    """Return what somebody says of the *number*-th alert of the sound pump."""
    time = T0 + (REFERENCE + 500) * STEP + number
    return Feedback.model_validate(
        {
            "id": f"{number}-{later}",
            "asset": SOUND,
            "time": time + later,
            "ingest_time": time,
            "alert": f"{SOUND}@{time}:alert",
            "verdict": "real" if real else "false",
            "author": "ada",
            "model": bundle().ref,
        }
    )


def test_a_model_whose_alerts_people_find_false_has_decayed_until_they_find_them_real() -> None:
    watches, opinions = Watches(PLANT), Opinions()
    watches.swap("pump", watch())
    processor = drift_stage(PLANT, WatchSettings(), watches, opinions).open({}, 0)
    rows = numbered(played(SOUND, None))
    for number in range(12):
        opinions.take(verdict(number, real=number == 3))
        opinions.take(verdict(number, real=number == 3))  # delivery is at least once
    reports = reports_of([processor.process("pump", rows[:100], 0)])
    assert [(r.state, r.cause, r.retrain) for r in reports] == [
        ("warning", "unknown", "no"),
        ("drift", "model_decay", "wanted"),
    ]
    assert reports[-1].evidence[0].subject == "precision"
    assert "people find fewer of its alerts real" in reports[-1].message
    for number in range(12):
        opinions.take(verdict(number, real=True, later=1))  # they have looked again
    [over] = reports_of([processor.process("pump", rows[100:], 0)])
    assert (over.state, over.cause) == ("stable", "none")


def test_the_faults_that_are_played_are_what_their_names_say() -> None:
    base = np.ones((1, len(NAMES)))
    assert (miscalibrated(base) != base).sum() == 1
    assert np.isnan(silent(base)).sum() == 2
    assert set(FAULTS) == set(ASSETS)
