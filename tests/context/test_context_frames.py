"""Context frames: units, constants, ids, lineage, and which frames are refused."""

from __future__ import annotations

import polars as pl
import pytest

from andon.contracts import ContextFrame, DeadLetterReason, Waveform
from andon.contracts.frames import Bounds
from andon.plant.columns import event_schema
from andon.stream import Result
from andon.stream.codec import encode_values
from andon.stream.stage import LINEAGE_COLUMNS, Level
from andon.units import conversion
from andon.uns import Stage
from services.context.processor import context_stage, count_marks, measure_quality
from services.context.settings import ContextSettings
from tests.context.frames import NOW, PUMP, SECOND, T0, emitted, line, plant, processor, raw

MODEL = plant(
    {
        "temperature": {"unit": "degC", "source_unit": "degF", "limits": {"high": 80, "high_high": 90}},
        "starts": {"kind": "integer"},
        "length": {"kind": "integer", "unit": "m", "source_unit": "mm"},
        "running": {"kind": "boolean"},
        "mode": {"kind": "state", "states": ["off", "auto"]},
        "vibration": {"kind": "waveform", "unit": "mm/s", "source_unit": "m/s"},
    }
)
VALUES = {
    "temperature": 212.0,
    "starts": 7,
    "length": 1_500,
    "running": True,
    "mode": "auto",
    "vibration": {"rate_hz": 10.0, "samples": [0.001, -0.002]},
}
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


def contextualised(**frame: object) -> ContextFrame:
    """Return the event that a raw frame with `VALUES` becomes, as a reader of the topic sees it."""
    rows = emitted(processor(MODEL).process("pump", raw(MODEL, [{"values": VALUES, **frame}]), NOW))
    [event] = encode_values(rows.drop(LINEAGE_COLUMNS))
    return ContextFrame.model_validate_json(event)


def test_values_are_in_the_model_s_units() -> None:
    values = contextualised().values
    assert values["temperature"] == pytest.approx(100.0)
    assert values["starts"] == 7
    assert isinstance(values["starts"], int)
    assert values["length"] == 1.5
    assert values["running"] is True
    assert values["mode"] == "auto"
    assert values["vibration"] == Waveform(rate_hz=10.0, samples=[1.0, -2.0])


def test_a_frame_carries_what_the_model_knows() -> None:
    frame = contextualised(traceparent=TRACE, revision=2, session="plc-1", sequence=9, server_time=T0)
    assert frame.id == f"{PUMP}@{T0}:context:{MODEL.version}"
    assert (frame.asset_class, frame.plant) == ("pump", MODEL.version)
    assert (frame.revision, frame.session, frame.sequence, frame.server_time) == (2, "plc-1", 9, T0)
    assert frame.units == {
        "temperature": "degC",
        "starts": None,
        "length": "m",
        "running": None,
        "mode": None,
        "vibration": "mm/s",
    }
    assert frame.limits == {"temperature": Bounds(high=80, high_high=90)}
    assert frame.quality is None


def test_a_frame_says_where_it_comes_from() -> None:
    rows = raw(MODEL, [{"values": VALUES, "traceparent": TRACE, "offset": 41}])
    events = emitted(processor(MODEL).process("pump", rows, NOW))
    assert events.select(LINEAGE_COLUMNS).row(0) == (41, 41, TRACE)


def test_what_a_sender_may_leave_out_is_filled_in() -> None:
    frame = contextualised(origin=None, revision=None, status=None)
    assert (frame.origin, frame.revision, frame.status) == ("live", 0, None)


def test_the_next_stage_reads_what_this_one_writes() -> None:
    frames: list[dict[str, object]] = [
        {"values": VALUES},
        {"values": {"temperature": None}, "status": {"temperature": 0x8000_0000}},
    ]
    rows = emitted(processor(MODEL).process("pump", raw(MODEL, frames), NOW)).drop(LINEAGE_COLUMNS)
    schema = event_schema(ContextFrame, MODEL.classes["pump"])
    read = pl.read_ndjson(b"\n".join(encode_values(rows)), schema=schema)
    assert set(read.columns) == set(rows.columns) == set(ContextFrame.model_fields)
    assert read["values"].to_list() == rows["values"].to_list()
    assert read["quality"].to_list() == rows["quality"].to_list()


def test_a_frame_sent_again_is_counted_and_sent_on_once() -> None:
    frames = raw(MODEL, [{"time": NOW, "values": VALUES}, {"time": NOW + 1, "values": VALUES}] * 2)
    result = processor(MODEL).process("pump", frames, NOW)
    assert emitted(result)["first_offset"].to_list() == [0, 1]
    assert result.repeated == 2
    assert not result.rejected


def test_a_class_without_limits_has_none() -> None:
    model = plant({"x": {}})
    rows = emitted(processor(model).process("pump", raw(model, [{"values": {"x": 1.0}}]), NOW))
    [event] = encode_values(rows.drop(LINEAGE_COLUMNS))
    assert ContextFrame.model_validate_json(event).limits == {}


def refused(**frame: object) -> tuple[Result, list[DeadLetterReason]]:
    """Process a frame between two good ones, at `NOW`."""
    good = {"time": NOW, "values": VALUES}
    after = {**good, "time": NOW + 1}
    result = processor(MODEL).process("pump", raw(MODEL, [good, {"values": VALUES, **frame}, after]), NOW)
    assert all(each.offset == 1 for each in result.rejected)
    return result, [each.reason for each in result.rejected]


def test_event_times_that_cannot_be_true_are_refused_and_hold_nobody_up() -> None:
    result, reasons = refused(time=NOW + 300 * SECOND + 1)
    assert reasons == [DeadLetterReason.FUTURE_TIME]
    assert "correct the source's clock" in result.rejected[0].detail
    assert emitted(result)["first_offset"].to_list() == [0, 2]
    assert refused(time=NOW + 300 * SECOND)[1] == []


@pytest.mark.parametrize(
    ("origin", "refusal"),
    [("live", True), ("heartbeat", True), (None, True), ("backfill", False)],
)
def test_only_history_may_be_old(origin: str | None, refusal: bool) -> None:
    week = 7 * 86_400 * SECOND
    assert refused(time=NOW - week - 1, origin=origin)[1] == ([DeadLetterReason.TOO_OLD] if refusal else [])
    assert refused(time=NOW - week, origin=origin)[1] == []


def test_tolerances_are_settings() -> None:
    settings = ContextSettings.model_validate({"future_tolerance": "1s", "max_age": "1min"})
    worker = context_stage(MODEL, settings).open({}, 0)
    times = [NOW + 2 * SECOND, NOW, NOW - 61 * SECOND]
    result = worker.process("pump", raw(MODEL, [{"time": time, "values": VALUES} for time in times]), NOW)
    assert [each.offset for each in result.rejected] == [0, 2]


def test_frames_of_a_clock_that_ran_ahead_are_no_predecessors() -> None:
    model = plant({"x": {"max_rate": 1}})
    ahead = {"time": T0 + 400 * SECOND, "ingest_time": T0 + SECOND, "values": {"x": 50.0}}
    rows = raw(model, [{"values": {"x": 0.0}}, ahead, {"values": {"x": 1.0}}, {"values": {"x": 50.0}}])
    assert line(emitted(processor(model).process("pump", rows, NOW))) == "...r"


def test_marks_are_counted_by_kind() -> None:
    model = plant({"x": {"range": [0, 1]}, "y": {}})
    values = [(2.0, 1.0), (3.0, None), (1.0, 1.0)]
    rows = raw(model, [{"values": {"x": x, "y": y}} for x, y in values])
    counts = {
        each.labels["quality"]: each.amount for each in count_marks("pump", processor(model).process("pump", rows, NOW))
    }
    assert counts == {"out_of_range": 2, "missing": 1}


def test_the_score_of_a_class_is_the_mean_of_its_assets_newest() -> None:
    model = plant({"x": {}, "y": {}}, assets=("a", "b"))
    values = [("a", None), ("a", 1.0), ("b", 1.0), ("b", None)]
    rows = raw(model, [{"asset": asset, "values": {"x": x, "y": 1.0}} for asset, x in values])
    result = processor(model).process("pump", rows, NOW)
    assert emitted(result)["quality_score"].to_list() == [0.5, 0.75, 1.0, 0.75]
    levels = [each for each in measure_quality("pump", result) if isinstance(each, Level)]
    assert levels == [Level("andon_quality_score", {"asset_class": "pump"}, 0.75)]
    late = processor(model).process("pump", raw(model, [{"asset": "a", "time": NOW + 10**9, "values": {}}]), NOW)
    assert list(measure_quality("pump", late)) == []


@pytest.mark.parametrize(
    ("source", "target", "factor", "offset"),
    [
        ("degF", "degC", 5 / 9, -160 / 9),
        ("degC", "degF", 1.8, 32.0),
        ("bar", "kPa", 100.0, 0.0),
        ("l/s", "m**3/h", 3.6, 0.0),
        ("rpm", "turn/s", 1 / 60, 0.0),
        ("percent", "", 0.01, 0.0),
    ],
)
def test_units_convert_by_factor_and_offset(source: str, target: str, factor: float, offset: float) -> None:
    assert list(conversion(source, target)) == pytest.approx([factor, offset], rel=1e-15)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [("bar", "degC", "measure different things"), ("dBm", "mW", "along a curve"), ("rpm", "Hz", "counts angles")],
)
def test_units_that_do_not_are_refused(source: str, target: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        conversion(source, target)


@pytest.mark.parametrize("origin", [None, "live", "backfill"])
def test_what_comes_as_history_leaves_as_history(origin: str | None) -> None:
    history = ContextSettings(input="backfill")
    spec = context_stage(MODEL, history)
    assert (spec.service, spec.input) == ("context-backfill", Stage.BACKFILL)
    years_ago = {"values": VALUES, "origin": origin, "time": 10**15}
    result = spec.open({}, 0).process("pump", raw(MODEL, [years_ago]), NOW)
    assert result.rejected == ()
    assert emitted(result)["origin"].to_list() == ["backfill"]
