"""The page: whole, with nothing loaded from elsewhere, and nothing of the data taken for HTML."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np

from andon.evaluation import Record, figures
from andon.evaluation.charts import curves, timeline
from andon.evaluation.report import Promise, Report, render

TRUTH = np.arange(2_000) % 500 < 100
SCORE = np.where(TRUTH, 3.0, 0.2)
RECORD = Record(TRUTH, SCORE, SCORE > 1)


def report(name: str = "hall/pump") -> Report:
    row = figures("pump-pca", [RECORD], step=10, buffer=5)
    return Report(
        title="pump on line 3",
        facts=["2,000 windows."],
        figures=[row],
        trivial=[figures("always on", [Record(TRUTH, SCORE * 0, TRUTH | True)], step=10, buffer=5)],
        promises=[Promise("pump-pca", "at most 1 a week", 0.5, 0.001)],
        records={name: RECORD},
        robustness={"noise": {"F1": [(0.0, 1.0), (0.5, float("nan")), (1.0, 0.5)]}},
        step=10,
    )


def test_the_page_holds_models_trivial_detectors_promises_and_charts() -> None:
    page = render(report())
    for text in ("pump-pca", "always on", "at most 1 a week", "1.000", "4/4", "<svg", "333 min in all"):
        assert text in page
    assert page.count("<svg") == 2


def test_the_page_loads_nothing_and_takes_no_name_for_html() -> None:
    page = render(report("hall/<script>pump"))
    assert "<script" not in page
    assert not any(word in page for word in ("http", "src=", "@import", "url("))


def test_charts_are_well_formed_and_keep_their_peaks() -> None:
    spiky = Record(TRUTH, np.where(np.arange(2_000) == 777, 50.0, 0.0), TRUTH)
    for chart in (timeline(spiky, 1.0), timeline(RECORD, 1.0), curves({"F1": [(0.0, 1.0), (1.0, float("nan"))]})):
        ElementTree.fromstring(chart)
    assert ",10.0" in timeline(spiky, 1.0)  # the highest score touches the top of the chart
    assert timeline(RECORD, 1.0).count('class="truth"') == 4


def test_an_empty_record_has_a_chart() -> None:
    ElementTree.fromstring(timeline(Record(TRUTH[:0], SCORE[:0], TRUTH[:0]), 1.0))
