"""The demo's report, as people and as machines read it."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from rich.console import Console

from andon.parity import Parity
from sandbox.demo.evaluation import AlertSpan, LabelledEvent, evaluate
from sandbox.demo.page import render
from sandbox.demo.report import Report, Speed, busy_per_record, measure_speed
from sandbox.demo.run import streaming_seconds
from sandbox.demo.story import Story, Trace, traces
from sandbox.monitor import parse

SECOND = 1_000_000
HOUR = 3_600 * SECOND
EVENTS = [
    LabelledEvent("hall/pump-1", 60 * SECOND, 600 * SECOND, "wear", process=True),
    LabelledEvent("hall/pump-2", 60 * SECOND, 600 * SECOND, "leak", process=True),
    LabelledEvent("hall/pump-3", 60 * SECOND, 600 * SECOND, "stuck", process=False),
]
REASONS = ("vibration mean 3.1 mm/s above normal",)
ALERTS = [
    AlertSpan("hall/pump-1", 90 * SECOND, None, "Listen to its bearings [now]", reasons=REASONS),
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


def told(*, alerts: Sequence[AlertSpan] = ALERTS) -> Report:
    """The report with its page's story: two machines that were judged for an hour."""
    time = np.arange(0, HOUR, 60 * SECOND)
    ratio = np.where(time < 600 * SECOND, 7.5, 0.25)
    ratio[30] = np.nan
    scores = {f"hall/pump-{n}": Trace(time, ratio) for n in (1, 2, 3)}
    walk = ("hall/pump-1@9:alert", "alert by model <pump>\n└── raw 10 frames at raw/0@1-10") if alerts else None
    outcome = evaluate(EVENTS, alerts, {f"hall/pump-{n}": (0, HOUR) for n in (1, 2, 3)}, grace=0)
    return replace(report(), outcome=outcome, story=Story(EVENTS, alerts, scores, {"pump": "pca"}, walk))


def test_the_page_tells_a_plant_manager_what_was_found_and_what_to_do() -> None:
    page = render(told())
    for words in (
        "<h1>Found 1 of 2 faults, usually within 30 s, with 1 false alarm in 2.7 machine hours, 1 of them",
        "<b>50%</b>of alerts were about a fault",
        "<li>Listen to its bearings [now] ",
        "(alert of 00:01, still open)",
        '<span class="bad">missed</span>',
        "vibration mean 3.1 mm/s above normal",
        "at this rate 62 a machine and week",
        "a sensor's fault",
        "andon why hall/pump-1@9:alert",
        "1,200 windows were computed again as for training: 7 differed",
        "pca for pump",
    ):
        assert words in page, words
    assert page.count("<svg") == 3
    assert page.count('class="score"') == 6  # a line breaks where the model abstained


def test_the_page_loads_nothing_and_takes_no_text_for_html() -> None:
    page = render(told())
    assert "&lt;pump&gt;" in page
    assert not any(word in page for word in ("<script", "http", "src=", "@import", "url(", "<pump>"))
    for chart in re.findall("<svg.*?</svg>", page):
        ElementTree.fromstring(chart)


def test_a_run_without_alerts_has_a_page_and_so_has_one_without_a_story() -> None:
    page = render(told(alerts=()))
    assert "<h1>Found 0 of 2 faults, with no false alarms in 2.7 machine hours.</h1>" in page
    assert "Nothing: no alert in 2.7 h of normal operation." in page
    assert "Why did it say so?" not in page
    assert "Found 1 of 2 faults" in render(report())


def test_verdicts_become_traces_in_which_shadows_and_repeats_do_not_count() -> None:
    def said(number: int, score: float | None, role: str = "production") -> dict[str, Any]:
        return {"id": f"{role}{number}", "asset": "a", "time": number, "role": role, "score": score, "threshold": 2.0}

    found = traces([said(2, 3.0), said(1, None), said(2, 3.0), said(2, 9.0, "shadow")])
    np.testing.assert_array_equal(found["a"].time, [1, 2])
    np.testing.assert_array_equal(found["a"].ratio, [np.nan, 1.5])


def test_work_is_told_per_record_of_services_that_read_some() -> None:
    assert busy_per_record({"context": METRICS, "alert": parse("")}) == {"context": 20.0}


def test_a_run_without_verdicts_has_no_speed() -> None:
    assert Speed(0, streaming_seconds([]), 0, 0, {}).frames_per_s == 0


def test_the_wait_for_last_windows_is_not_streaming() -> None:
    assert streaming_seconds([(0, 1 * SECOND), (SECOND, 2 * SECOND), (17 * SECOND, 17 * SECOND)]) == 2
