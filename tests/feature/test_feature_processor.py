"""The feature stage on small logs.

A log is written as frames in the order of their offsets: ``a1.3=7`` is a frame of asset a at 1.3 s whose tag x is 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from andon.contracts import ContextFrame, DeadLetterReason, FeatureVector
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream.stage import LINEAGE_COLUMNS, OFFSET, TRACEPARENT, Processor, Result
from andon.uns import Stage
from services.feature.processor import feature_stage

SECOND = 1_000_000
TUMBLING = {"window": "1s", "lateness": "500ms", "idle": "5s", "aggregates": ["mean"]}
HOPPING = TUMBLING | {"window": "2s", "hop": "1s"}
TAGS: dict[str, dict[str, Any]] = {"x": {}}


def plant(features: Mapping[str, Any] = TUMBLING, tags: Mapping[str, Mapping[str, Any]] = TAGS) -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": "water",
            "classes": {
                "pump": {"scan": "250ms", "tags": tags, "features": features},
                "door": {"tags": {"open": {"kind": "boolean"}}},
            },
            "assets": {"a": {"class": "pump"}, "b": {"class": "pump"}, "gate": {"class": "door"}},
        }
    )


def frames(model: Plant, rows: Sequence[Mapping[str, Any]], first: int = 0) -> pl.DataFrame:
    """Return frames as the runtime decodes them; offsets count from *first*."""
    spec = feature_stage(model)
    schema = event_schema(ContextFrame, model.classes["pump"], without=spec.without)
    lineage = {OFFSET: pl.Int64(), TRACEPARENT: pl.String()}
    numbered = [{OFFSET: first + i, TRACEPARENT: f"trace-{first + i}", **row} for i, row in enumerate(rows)]
    return pl.DataFrame(numbered, {**schema, **lineage}, orient="row")


def log(text: str, model: Plant | None = None, first: int = 0) -> pl.DataFrame:
    rows = []
    for frame in text.split():
        moment, _, value = frame[1:].partition("=")
        time = round(float(moment) * SECOND)
        rows.append({"asset": frame[0], "time": time, "ingest_time": time + 7, "values": {"x": float(value or 1)}})
    return frames(model or plant(), rows, first)


def opened(model: Plant | None = None, state: Mapping[str, Any] | None = None, delivered: int = 0) -> Processor:
    return feature_stage(model or plant()).open(state or {}, delivered)


def vectors(result: Result) -> list[str]:
    """Return emitted windows as 'asset[start,end)xsamples'."""
    return [
        f"{row['asset']}[{row['start'] / SECOND:g},{row['time'] / SECOND:g})x{row['samples']}"
        for emit in result.emits
        for row in emit.rows.iter_rows(named=True)
    ]


def late(result: Result) -> list[int]:
    assert all(rejected.reason is DeadLetterReason.LATE for rejected in result.rejected)
    return [rejected.offset for rejected in result.rejected]


def test_a_window_closes_when_its_asset_is_lateness_ahead() -> None:
    processor = opened()
    assert vectors(processor.process("pump", log("a0.2 a0.7 a1.1 a1.4"), now=0)) == []
    assert vectors(processor.process("pump", log("a1.5", first=4), now=0)) == ["a[0,1)x2"]


def test_assets_do_not_wait_for_each_other() -> None:
    assert vectors(opened().process("pump", log("a0.2 b0.3 b2.6"), now=0)) == ["b[0,1)x1"]


def test_samples_out_of_order_count_while_their_window_is_open() -> None:
    assert vectors(opened().process("pump", log("a0.2 a1.4 a0.9 a1.6"), now=0)) == ["a[0,1)x2"]


def test_a_sample_behind_its_closed_window_is_rejected_with_how_late_it_is() -> None:
    result = opened().process("pump", log("a0.2 a1.6 a0.9 a1.2"), now=0)
    assert vectors(result) == ["a[0,1)x1"]
    assert late(result) == [2]
    assert "0.100 s" in result.rejected[0].detail


def test_a_sample_that_is_late_for_one_window_goes_into_the_other() -> None:
    processor = opened(plant(HOPPING))
    result = processor.process("pump", log("a1.2 a2.5 a1.9"), now=0)
    assert vectors(result) == ["a[0,2)x1"]
    assert late(result) == []
    assert vectors(processor.process("pump", log("a3.5", first=3), now=0)) == ["a[1,3)x3"]


def test_how_polls_cut_the_log_changes_nothing() -> None:
    text = "a0.2 a1.6 a0.9 a1.2 a2.9 a1.9"
    whole = opened().process("pump", log(text), now=0)
    one_by_one = opened()
    parts = [one_by_one.process("pump", log(frame, first=i), now=0) for i, frame in enumerate(text.split())]
    assert [window for part in parts for window in vectors(part)] == vectors(whole) == ["a[0,1)x1", "a[1,2)x2"]
    assert [offset for part in parts for offset in late(part)] == late(whole) == [2, 5]


def test_a_gap_closes_what_lies_before_it_and_makes_no_empty_windows() -> None:
    assert vectors(opened().process("pump", log("a0.2 a1.2 a100"), now=0)) == ["a[0,1)x1", "a[1,2)x1"]


def test_a_frame_sent_twice_counts_once_and_is_not_late_after_its_window() -> None:
    result = opened().process("pump", log("a0.2=5 a0.2=9 a2.6 a0.2=5"), now=0)
    assert vectors(result) == ["a[0,1)x1"]
    assert result.emits[0].rows["features"].to_list() == [{"x_mean": 5}]
    assert late(result) == []
    assert result.repeated == 1


def test_a_frame_that_no_other_is_like_is_late_once() -> None:
    processor = opened()
    result = processor.process("pump", log("a0.2 a2.6 a0.3 a0.3 b0.2"), now=0)
    assert (late(result), result.repeated) == ([2], 1)
    result = processor.process("pump", log("a0.3 a0.4", first=5), now=0)
    assert (late(result), result.repeated) == ([6], 1)


def test_frames_sent_again_are_known_after_a_restart_behind_their_closed_windows() -> None:
    text = "a0.2 a0.4 a2.6 a2.8 a0.9"
    before = opened().process("pump", log(text), now=0)
    again = opened(state=before.state, delivered=5)
    assert again.process("pump", log(text), now=0) == Result()
    result = again.process("pump", log("a0.2 a0.4 a2.6 a0.9 a0.7", first=5), now=0)
    assert (vectors(result), late(result), result.repeated) == ([], [9], 3)


def test_silence_counts_only_while_everything_there_is_has_been_read() -> None:
    processor = opened()
    processor.process("pump", log("a0.2"), now=100 * SECOND)
    assert processor.tick(120 * SECOND, 118 * SECOND) == Result()
    assert vectors(processor.tick(123 * SECOND, 118 * SECOND)) == ["a[0,1)x1"]


def test_an_asset_that_spoke_before_the_clock_was_set_back_is_silent_after_its_time_all_the_same() -> None:
    processor = opened()
    processor.process("pump", log("a0.2"), now=4_000 * SECOND)
    assert processor.tick(400 * SECOND, 400 * SECOND) == Result()
    assert vectors(processor.tick(405 * SECOND, 400 * SECOND)) == ["a[0,1)x1"]


def test_a_silent_asset_has_its_windows_closed() -> None:
    processor = opened(plant(HOPPING))
    processor.process("pump", log("a0.2 a1.2"), now=100 * SECOND)
    processor.process("pump", log("b0.3", first=2), now=103 * SECOND)
    assert vectors(processor.tick(104 * SECOND, 0)) == []
    closed = processor.tick(105 * SECOND, 0)
    assert vectors(closed) == ["a[-1,1)x1", "a[0,2)x2", "a[1,3)x1"]
    assert set(closed.emits[0].rows["ingest_time"]) == {105 * SECOND}
    assert closed.state == {"a": {"closed": 3 * SECOND, "offset": 1}}
    assert processor.needed_from() == 2
    assert late(processor.process("pump", log("a1.4", first=3), now=106 * SECOND)) == [3]


def test_a_vector_carries_its_contract_and_lineage() -> None:
    model = plant()
    (emit,) = opened().process("pump", log("b0.1 a0.2=3 a0.7=4 a0.4=8 a1.6 a1.9 b9"), now=0).emits
    row = emit.rows.filter(asset="a", start=0).row(0, named=True)
    assert emit.stage is Stage.FEATURE
    assert emit.rows.columns == [*FeatureVector.model_fields, *LINEAGE_COLUMNS]
    definition = model.classes["pump"].feature_definition.hash
    assert FeatureVector.model_validate({k: v for k, v in row.items() if k not in LINEAGE_COLUMNS}) == FeatureVector(
        id=f"a@1000000:feature:{definition}",
        asset="a",
        time=SECOND,
        ingest_time=1_600_007,
        asset_class="pump",
        definition=definition,
        start=0,
        samples=3,
        expected=4,
        good_ratio=0.75,
        features={"x_mean": 5},
    )
    assert [row[name] for name in LINEAGE_COLUMNS] == [1, 3, "trace-3"]


def test_origin_is_the_last_frames_and_revision_is_made_of_the_highest() -> None:
    model = plant()
    common = {"asset": "a", "ingest_time": 0, "values": {"x": 1.0}}
    rows: list[dict[str, Any]] = [
        {"time": 0, "revision": 2, "origin": "live"},
        {"time": 1, "revision": 1, "origin": "heartbeat"},
        {"time": 9 * SECOND},
    ]
    (emit,) = opened().process("pump", frames(model, [common | row for row in rows]), now=0).emits
    assert emit.rows.select("origin", "revision").rows() == [("heartbeat", 4)]


def origins(live: str, history: str, first: int = 0) -> pl.DataFrame:
    """Return a log in which every live frame is followed by one of history, as far as there are any."""
    lanes = [log(live), log(history).with_columns(origin=pl.lit("backfill"))]
    mixed = pl.concat([lane.with_columns(place=pl.int_range(pl.len())) for lane in lanes]).sort(
        "place", maintain_order=True
    )
    return mixed.drop("place").with_columns((pl.int_range(pl.len()) + first).alias(OFFSET))


LIVE = "a100 a100.3 a101 a102 a103 b100 b102"


def test_live_windows_are_the_same_with_history_beside_them() -> None:
    alone = opened().process("pump", log(LIVE), now=0)
    both = opened().process("pump", origins(LIVE, "a1 a500 a3 a900 b7 b1 b900"), now=0)
    (emit,) = both.emits
    live = Result((replace(emit, rows=emit.rows.filter(pl.col("origin") == "live")),))
    assert vectors(live) == vectors(alone)
    assert (both.rejected, both.passed) == ((), 2)  # a3 and b1, which step back behind their windows


def test_history_long_past_is_not_late() -> None:
    result = opened().process("pump", origins("a100 a101 a102", "a1 a1.5 a3"), now=0)
    assert "a[1,2)x2" in vectors(result)
    assert result.rejected == ()


def test_a_window_of_which_an_outage_took_a_part_has_an_event_of_each_lane() -> None:
    result = opened().process("pump", origins("a1 a1.2 a5", "a1.5 a1.7 a1.9 a5"), now=0)
    (emit,) = result.emits
    found = emit.rows.select("id", "origin", "revision", "samples").sort("revision").rows()
    name = found[0][0]
    assert found == [(name, "live", 0, 2), (name, "backfill", 1, 3)]


def test_lanes_keep_their_state_over_a_restart() -> None:
    first = opened().process("pump", origins("a100 a102", "a1 a3"), now=0)
    assert {lane: kept["closed"] // SECOND for lane, kept in first.state.items()} == {"a": 101, "a@backfill": 2}
    again = opened(state=first.state, delivered=4).process("pump", origins("a100 a102 a104", "a1 a3 a5"), now=0)
    assert vectors(again) == ["a[102,103)x1", "a[3,4)x1"]
    assert again.rejected == ()


def test_only_good_samples_of_numeric_tags_count() -> None:
    mode = {"kind": "state", "states": ["m"]}
    model = plant(tags={"x": {}, "time": {"kind": "integer"}, "on": {"kind": "boolean"}, "mode": mode})
    common = {"asset": "a", "ingest_time": 0}
    rows = [
        {"time": 0, "values": {"x": 1.0, "time": 4, "on": True, "mode": "m"}},
        {"time": 1, "values": {"x": 9.0, "time": 6}, "quality": {"x": "bad"}},
        {"time": 2, "values": {"x": None, "time": 8}, "quality": {"x": "missing", "on": "bad"}},
        {"time": 9 * SECOND, "values": {}},
    ]
    (emit,) = opened(model).process("pump", frames(model, [common | row for row in rows]), now=0).emits
    assert emit.rows["features"].to_list() == [{"x_mean": 1, "time_mean": 6}]
    assert emit.rows["good_ratio"].to_list() == [4 / (4 * 2)]


def test_a_class_without_numbers_has_no_features() -> None:
    model = plant()
    schema = event_schema(ContextFrame, model.classes["door"])
    rows = pl.DataFrame([{"asset": "gate", "time": 0}, {"asset": "gate", "time": 10**9}], schema, orient="row")
    processor = opened(model)
    assert processor.process("door", rows, now=0) == Result()
    assert processor.needed_from() is None


def test_only_frames_of_open_windows_are_needed_again() -> None:
    processor = opened()
    assert processor.needed_from() is None
    processor.process("pump", log("a0.2 b0.3 a1.4 a0.9"), now=0)
    assert processor.needed_from() == 0
    processor.process("pump", log("a1.6", first=4), now=0)
    assert processor.needed_from() == 1
    processor.process("pump", log("b7 a7", first=5), now=0)
    assert processor.needed_from() == 5


def test_after_a_restart_what_was_dealt_with_is_neither_emitted_nor_rejected() -> None:
    text = "a0.2 b0.3 a1.6 a0.9"
    state = opened().process("pump", log(text), now=0).state
    assert state == {"a": {"closed": SECOND, "offset": 3}}
    again = opened(state=state)
    assert again.process("pump", log(text), now=0) == Result()
    then = again.process("pump", log("a0.8 a2.6 b2.6", first=4), now=0)
    assert late(then) == [4]
    assert vectors(then) == ["a[1,2)x1", "b[0,1)x1"]


def test_windows_closed_in_a_silence_stay_closed_after_a_restart() -> None:
    processor = opened()
    processor.process("pump", log("a0.2"), now=0)
    state = processor.tick(5 * SECOND, 0).state
    again = opened(state=state)
    assert again.tick(99 * SECOND, 0) == Result()
    assert late(again.process("pump", log("a0.4", first=1), now=99 * SECOND)) == [1]


@pytest.mark.parametrize(("delivered", "expected"), [(0, [2]), (2, [2]), (3, [])])
def test_what_was_rejected_below_the_delivered_offset_is_not_rejected_again(
    delivered: int, expected: list[int]
) -> None:
    assert late(opened(delivered=delivered).process("pump", log("a0.9 a2.6 a0.8"), now=0)) == expected
