"""The demo's report, as people and as machines read it."""

from __future__ import annotations

import io

import orjson
from rich.console import Console

from andon.parity import Parity
from sandbox.demo.evaluation import AlertSpan, LabelledEvent, evaluate
from sandbox.demo.report import Report, Speed, busy_per_record, measure_speed
from sandbox.demo.run import streaming_seconds
from sandbox.monitor import parse

SECOND = 1_000_000
HOUR = 3_600 * SECOND
EVENTS = [
    LabelledEvent("hall/pump-1", 60 * SECOND, 600 * SECOND, "wear", process=True),
    LabelledEvent("hall/pump-2", 60 * SECOND, 600 * SECOND, "leak", process=True),
    LabelledEvent("hall/pump-3", 60 * SECOND, 600 * SECOND, "stuck", process=False),
]
ALERTS = [
    AlertSpan("hall/pump-1", 90 * SECOND, None, "Listen to its bearings [now]"),
    AlertSpan("hall/pump-3", 100 * SECOND, 200 * SECOND, "Look at the sensor"),
]
METRICS = parse(
    'andon_records_read_total{service="context",stage="raw"} 100.0\n'
    'andon_batch_seconds_sum{service="context",stage="raw"} 0.002\n'
)


def report() -> Report:
    outcome = evaluate(EVENTS, ALERTS, {f"hall/pump-{n}": (0, HOUR) for n in (1, 2, 3)}, grace=0)
    speed = measure_speed({"context": METRICS}, 1_000, 2.0, [float(ms) for ms in range(1, 102)])
    return Report("a plant", outcome, speed, 0.5, {"late": 3}, parity=Parity(checked=1_200, mismatches=7))


def test_machines_get_every_figure() -> None:
    read = orjson.loads(report().to_json())
    assert (read["events"], read["events_found"], read["false_alarms"]) == (2, 1, 1)
    assert read["false_alarms_on_sensor_faults"] == 1
    assert read["delay_s"] == [30.0]
    assert read["missed"][0]["kind"] == "leak"
    assert (read["frames_per_s"], read["p50_ms"], read["slowest"]) == (500.0, 51.0, "context")
    assert read["dead_letters"] == {"late": 3}
    assert (read["vectors_recomputed"], read["parity_mismatches"]) == (1_200, 7)


def test_people_read_what_was_found_missed_and_false() -> None:
    console = Console(file=io.StringIO(), width=120, record=True)
    report().show(console)
    text = console.export_text()
    for words in (
        "30 s",
        "Listen to its bearings [now]",
        "missed",
        "a sensor's fault",
        "1 of 2",
        "late 3",
        "1,200, 7 differ",
        "500 frames/s",
    ):
        assert words in text


def test_work_is_told_per_record_of_services_that_read_some() -> None:
    assert busy_per_record({"context": METRICS, "alert": parse("")}) == {"context": 20.0}


def test_a_run_without_verdicts_has_no_speed() -> None:
    assert Speed(0, streaming_seconds([]), 0, 0, {}).frames_per_s == 0


def test_the_wait_for_last_windows_is_not_streaming() -> None:
    assert streaming_seconds([(0, 1 * SECOND), (SECOND, 2 * SECOND), (17 * SECOND, 17 * SECOND)]) == 2
