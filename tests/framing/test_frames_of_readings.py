"""Readings become frames: one asset, one scan interval, nothing lost, nothing replaced."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.contracts import Frame, Origin
from andon.contracts.frames import Waveform
from andon.plant import Plant
from andon.plant.columns import event_schema
from services.ingest.framing.framer import Framed, Framer
from services.ingest.framing.times import Future
from services.ingest.readings import BAD_NO_COMMUNICATION, BAD_TYPE_MISMATCH, Readings, Signals

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
UNCERTAIN = 0x40920000
PUMPS = ("line/pump-1", "line/pump-2")
PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "pump": {
                "tags": {
                    "flow": {"carry": "3s"},
                    "power": {},
                    "starts": {"kind": "integer"},
                    "running": {"kind": "boolean", "carry": "1h"},
                    "mode": {"kind": "state", "states": ["auto", "hand"], "carry": "1h"},
                    "sound": {"kind": "waveform"},
                    "hours": {"rate_hz": 0.01},
                }
            },
            "plain": {"tags": {"a": {}, "b": {}, "slow": {"rate_hz": 0.01}}},
        },
        "assets": {**{pump: {"class": "pump"} for pump in PUMPS}, "line/fan": {"class": "plain"}},
    }
)
SIGNALS = Signals(PLANT)


def number(asset: str, tag: str) -> int:
    found = SIGNALS.find(asset, tag)
    assert found is not None
    return found


def readings(*given: tuple[str, Any, float], asset: str = "line/fan", at: float = 0, **other: Any) -> Readings:
    """Readings of tag, value and source time (seconds after NOW), arrived *at* seconds after NOW."""
    batch = Readings(NOW + round(at * SECOND), **other)
    for tag, value, time in given:
        batch.add(number(asset, tag), value, NOW + round(time * SECOND))
    return batch


def rows(framed: Framed) -> list[dict[str, Any]]:
    """All frames as dictionaries; values, status and carried without what is null; time in seconds after NOW."""
    found = []
    for name, origin, frames in framed.frames:
        schema = event_schema(Frame, PLANT.classes[name])
        assert {column: frames.schema[column] for column in frames.columns} == {c: schema[c] for c in frames.columns}
        for row in frames.to_dicts():
            parts = {part: _present(row[part]) for part in ("values", "status", "carried")}
            found.append(row | parts | {"origin": origin, "time": (row["time"] - NOW) / SECOND})
    return found


def _present(part: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (part or {}).items() if value is not None}


def values(framed: Framed) -> list[tuple[float, dict[str, Any]]]:
    return [(row["time"], row["values"]) for row in rows(framed)]


def due(framer: Framer, at: float, **options: Any) -> Framed:
    return framer.due(NOW + round(at * SECOND), **options)


def test_signals_of_one_scan_make_one_frame_under_the_newest_source_time() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0.1)))
    framer.add(readings(("b", 2.0, 0.3), at=0.5))
    assert values(due(framer, 0.9)) == []
    assert len(framer) == 2
    assert values(due(framer, 1.0)) == [(0.3, {"a": 1.0, "b": 2.0})]
    assert len(framer) == 0


def test_a_frame_does_not_wait_once_everything_is_there_that_came_in_the_scan_before() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0), ("b", 1.0, 0)))
    due(framer, 1)
    framer.add(readings(("a", 2.0, 1), at=1))
    assert values(due(framer, 1)) == []
    framer.add(readings(("b", 2.0, 1), at=1.1))
    assert values(due(framer, 1.1)) == [(1, {"a": 2.0, "b": 2.0})]


def test_a_slow_signal_holds_nothing_up_and_goes_out_in_a_frame_of_its_own() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0), ("b", 1.0, 0)))
    due(framer, 1)
    framer.add(readings(("a", 2.0, 1), at=1))
    assert values(due(framer, 2)) == [(1, {"a": 2.0})]
    framer.add(readings(("b", 2.0, 1), at=2.5))
    assert values(due(framer, 3.5)) == [(1.000001, {"b": 2.0})]


def test_a_signal_that_is_expected_less_than_every_scan_is_never_waited_for() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0), ("slow", 1.0, 0)))
    due(framer, 1)
    framer.add(readings(("a", 2.0, 1), at=1))
    assert values(due(framer, 1)) == [(1, {"a": 2.0})]


def test_a_frame_that_waits_when_the_clock_is_set_back_does_not_wait_until_the_clock_is_there_again() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0.1)))
    assert values(due(framer, 0.5)) == []
    assert values(due(framer, -3_600)) == [(0.1, {"a": 1.0})]


def test_a_tag_that_is_sampled_faster_than_the_scan_loses_no_value() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0.1), ("a", 2.0, 0.2), ("a", 3.0, 0.3), ("b", 9.0, 0.3)))
    assert values(due(framer, 1)) == [(0.3, {"a": 1.0, "b": 9.0}), (0.2, {"a": 2.0}), (0.300001, {"a": 3.0})]


def test_older_frames_of_an_asset_go_out_before_newer_ones() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0), ("b", 1.0, 0)))
    due(framer, 1)
    framer.add(readings(("a", 2.0, 1), ("a", 3.0, 2), ("b", 3.0, 2), at=1))
    assert values(due(framer, 1)) == [(1, {"a": 2.0}), (2, {"a": 3.0, "b": 3.0})]


def test_the_same_readings_make_the_same_frames_after_a_restart() -> None:
    batches = [readings(("a", 1.0, 0.1), ("b", 1.0, 0.1)), readings(("a", 1.5, 0.1)), readings(("b", 2.0, 1))]
    outcomes = []
    for _ in range(2):
        framer = Framer(PLANT, SIGNALS)
        for batch in batches:
            framer.add(batch)
        outcomes.append(values(due(framer, 9)))
    assert outcomes[0] == outcomes[1]


def test_bad_values_are_void_uncertain_ones_stay_and_both_keep_their_code() -> None:
    framer = Framer(PLANT, SIGNALS)
    batch = readings(("power", 2.5, 0), asset=PUMPS[0])
    batch.add(number(PUMPS[0], "flow"), 7.0, NOW, None, BAD_NO_COMMUNICATION)
    batch.add(number(PUMPS[0], "starts"), 3, NOW, NOW + 5, UNCERTAIN)
    framer.add(batch)
    (row,) = rows(due(framer, 1))
    assert row["values"] == {"power": 2.5, "starts": 3}
    assert row["status"] == {"flow": BAD_NO_COMMUNICATION, "starts": UNCERTAIN}
    assert row["server_time"] == NOW + 5


@pytest.mark.parametrize(
    ("tag", "value", "kept"),
    [
        ("power", 3, 3.0),
        ("power", "3", None),
        ("power", True, None),
        ("power", [1.0], None),
        ("starts", 4.0, 4),
        ("starts", 4.5, None),
        ("starts", 2**63, None),
        ("running", 1, True),
        ("running", 2, None),
        ("mode", "auto", "auto"),
        ("mode", 1, None),
        ("sound", Waveform(rate_hz=10, samples=[1, 2]), {"rate_hz": 10.0, "samples": [1.0, 2.0]}),
        ("sound", 1.0, None),
    ],
)
def test_a_value_of_another_kind_is_void_and_says_so(tag: str, value: Any, kept: Any) -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings((tag, value, 0), asset=PUMPS[0]), source=3)
    framed = due(framer, 1)
    (row,) = rows(framed)
    assert row["values"].get(tag) == kept
    assert row["status"] == ({} if kept is not None else {tag: BAD_TYPE_MISMATCH})
    assert framed.unparsed == ({} if kept is not None else {3: 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_what_is_no_finite_number_is_missing(value: float) -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("power", value, 0), ("flow", 1.0, 0), asset=PUMPS[0]))
    framed = due(framer, 1)
    assert rows(framed)[0]["values"] == {"flow": 1.0}
    assert framed.unparsed == {0: 1}


def test_an_absurd_time_is_replaced_by_the_servers_or_by_that_of_the_arrival() -> None:
    year_1601 = -11_644_473_600 * SECOND
    framer = Framer(PLANT, SIGNALS)
    batch = Readings(NOW + 5 * SECOND)
    batch.add(number("line/fan", "a"), 1.0, year_1601, NOW + 2 * SECOND)
    batch.add(number("line/fan", "b"), 2.0, None)
    framer.add(batch, source=1)
    framed = due(framer, 9)
    assert values(framed) == [(2, {"a": 1.0}), (5, {"b": 2.0})]
    assert framed.replaced == {(1, "absurd"): 1, (1, "absent"): 1}


@pytest.mark.parametrize(("policy", "time"), [(Future.REFUSE, None), (Future.ARRIVAL, 0), (Future.KEEP, 61)])
def test_a_time_from_the_future_is_handled_by_policy(policy: Future, time: float | None) -> None:
    framer = Framer(PLANT, SIGNALS, future=policy, tolerance=60 * SECOND)
    framer.add(readings(("a", 1.0, 61), ("b", 2.0, 60)), source=2)
    framed = due(framer, 9)
    assert sorted(values(framed)) == sorted([(60, {"b": 2.0}), *([] if time is None else [(time, {"a": 1.0})])])
    assert [(source, letter.reason, letter.asset) for source, letter in framed.refused] == (
        [(2, "future_time", "line/fan")] if policy is Future.REFUSE else []
    )


def test_values_are_carried_only_where_the_plant_model_says_so_and_only_for_so_long() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("flow", 1.0, 0), ("power", 1.0, 0), ("mode", "auto", 0), asset=PUMPS[0]))
    due(framer, 1)
    for time in (2, 3, 4):
        framer.add(readings(("power", float(time), time), asset=PUMPS[0], at=time))
    found = rows(due(framer, 9))
    assert [row["values"] for row in found] == [
        {"power": 2.0, "flow": 1.0, "mode": "auto"},
        {"power": 3.0, "flow": 1.0, "mode": "auto"},
        {"power": 4.0, "mode": "auto"},
    ]
    assert found[0]["carried"] == {"flow": NOW, "mode": NOW}
    assert found[2]["carried"] == {"mode": NOW}


def test_a_value_that_has_become_bad_is_never_carried() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("flow", 1.0, 0), asset=PUMPS[0]))
    bad = Readings(NOW + SECOND)
    bad.add(number(PUMPS[0], "flow"), 1.0, NOW + SECOND, None, BAD_NO_COMMUNICATION)
    framer.add(bad)
    framer.add(readings(("power", 5.0, 2), asset=PUMPS[0], at=2))
    assert [row["values"] for row in rows(due(framer, 9))] == [{"flow": 1.0}, {}, {"power": 5.0}]


def test_a_source_that_says_nothing_has_changed_makes_one_heartbeat_a_scan() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("mode", "hand", 0.5), ("power", 1.0, 0.5), asset=PUMPS[0], at=0.5))
    framer.add(readings(("a", 1.0, 0.5), at=0.5))
    due(framer, 1.5)
    heartbeats = []
    for step in range(20, 40):
        framer.confirm([*range(len(SIGNALS))], NOW + step * SECOND // 10)
        heartbeats += rows(due(framer, step / 10))
    assert [(row["asset"], row["origin"], row["time"]) for row in heartbeats] == [
        (PUMPS[0], Origin.HEARTBEAT, 2),
        (PUMPS[0], Origin.HEARTBEAT, 3),
    ]
    assert heartbeats[0]["values"] == {"mode": "hand"}
    assert heartbeats[0]["carried"] == {"mode": NOW + SECOND // 2}
    assert values(due(framer, 60)) == []


def test_history_and_live_data_make_no_common_frame_and_history_is_not_carried() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("mode", "auto", 0), asset=PUMPS[0], origin=Origin.BACKFILL))
    framer.add(readings(("power", 1.0, 0), asset=PUMPS[0]))
    assert [(row["origin"], row["values"]) for row in rows(due(framer, 1))] == [
        (Origin.LIVE, {"power": 1.0}),
        (Origin.BACKFILL, {"mode": "auto"}),
    ]


Given = tuple[str, str, float, float]
ARRIVING = st.lists(
    st.tuples(
        st.sampled_from(("line/fan", *PUMPS)),
        st.integers(0, 2),
        st.integers(0, 30).map(lambda tenths: tenths / 10),
        st.booleans(),
        st.sampled_from([0.0, 0.0, 0.05, 0.4, 1.1]),
    ),
    max_size=60,
)
TAGS = {"line/fan": ("a", "b", "slow"), **dict.fromkeys(PUMPS, ("flow", "power", "hours"))}


@settings(max_examples=150, deadline=None)
@given(ARRIVING)
def test_every_value_comes_out_exactly_once_and_no_two_frames_share_a_time(
    arriving: list[tuple[str, int, float, bool, float]],
) -> None:
    framer = Framer(PLANT, SIGNALS)
    expected, found, clock = defaultdict(list), [], 5.0
    for value, (asset, place, time, history, pause) in enumerate(arriving):
        tag = TAGS[asset][place]
        origin = Origin.BACKFILL if history else Origin.LIVE
        framer.add(readings((tag, float(value), time), asset=asset, at=clock, origin=origin))
        expected[asset, tag].append((float(value), time, origin))
        clock += pause
        found += rows(due(framer, clock))
    assert all(NOW + round((clock - 1.1) * SECOND) < begun for begun in framer.begun)
    found += rows(due(framer, clock, all_of_it=True))
    assert len(framer) == 0
    came = defaultdict(list)
    for row in found:
        for tag, value in row["values"].items():
            if tag not in row["carried"]:
                came[row["asset"], tag].append(value)
    assert {name: sorted(values) for name, values in came.items()} == {
        name: [value for value, _, _ in values] for name, values in expected.items()
    }
    times = [(row["asset"], row["time"]) for row in found]
    assert len(set(times)) == len(times)
    for row in found:
        measured = [
            (time, origin)
            for tag, value in row["values"].items()
            for known, time, origin in expected[row["asset"], tag]
            if known == value and tag not in row["carried"]
        ]
        assert {int(time) for time, _ in measured} <= {int(max(time for time, _ in measured))}
        assert {origin for _, origin in measured} == {row["origin"]}
        assert row["time"] >= max(time for time, _ in measured)


def test_frames_fit_a_data_frame_of_the_contract() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("a", 1.0, 0)))
    ((name, _, frames),) = due(framer, 1).frames
    assert name == "plain"
    assert frames.columns == ["asset", "time", "server_time", "values", "status", "carried"]
    assert isinstance(frames.schema["values"], pl.Struct)


@pytest.mark.parametrize("time", [1_700_000_000 * SECOND * 1_000, 2**64 * 1_000, -(2**70)])
def test_a_time_that_no_calendar_has_is_replaced_and_stops_nothing(time: int) -> None:
    framer, batch = Framer(PLANT, SIGNALS), Readings(NOW)
    batch.add(number("line/fan", "a"), 1.0, time, time)
    framer.add(batch)
    framed = due(framer, 1)
    assert values(framed) == [(0, {"a": 1.0})]
    assert framed.replaced == {(0, "absurd"): 1}


def test_a_heartbeat_takes_no_time_that_history_has_taken() -> None:
    framer = Framer(PLANT, SIGNALS)
    framer.add(readings(("mode", "auto", 0.5), asset=PUMPS[0]))
    framer.add(readings(("mode", "hand", 2), asset=PUMPS[0], origin=Origin.BACKFILL))
    found = rows(due(framer, 2))
    framer.confirm([number(PUMPS[0], "mode")], NOW + 4 * SECOND)
    framer.add(readings(("mode", "hand", 4), asset=PUMPS[0], origin=Origin.BACKFILL))
    found += rows(due(framer, 5, all_of_it=True))
    assert [row["origin"] for row in found].count(Origin.HEARTBEAT) == 1
    assert len({row["time"] for row in found}) == len(found)
