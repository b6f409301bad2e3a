"""The dashboards: made by code, with queries of metrics and labels that there are."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from helm.dashboards.boards import BOARDS
from helm.dashboards.grafana import to_json
from tests.monitoring.promql import asked, labels_of
from tests.monitoring.shelf import ALERTS, DASHBOARDS, RECORDED, queries

FILES = {file.stem: file for file in DASHBOARDS.glob("*.json")}
QUERIES = queries()
EXPRESSIONS = QUERIES | {name: rule["expr"] for name, rule in (ALERTS | RECORDED).items()}


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILES[name].read_text())["panels"]
    return found


def test_the_files_are_what_the_code_makes() -> None:
    assert {board.name for board in BOARDS} == set(FILES)
    for board in BOARDS:
        assert FILES[board.name].read_text() == to_json(board), "run `make dashboards`"


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_names_metrics_and_labels_that_there_are(name: str) -> None:
    found = asked(EXPRESSIONS[name])
    assert found.chosen
    for series, labels in found.chosen:
        assert labels <= labels_of(series), series
    for labels, inside in found.grouped:
        assert labels <= frozenset().union(*(labels_of(series) for series in inside)), inside


@pytest.mark.parametrize(
    ("expr", "error"),
    [
        ("sum(andon_heard_of_total)", KeyError),
        ("sum by (", ValueError),
    ],
)
def test_an_expression_of_nothing_is_found_out(expr: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        [labels_of(series) for series, _ in asked(expr).chosen]


@pytest.mark.parametrize("name", sorted(FILES))
def test_series_are_named_by_labels_that_their_query_gives(name: str) -> None:
    for panel in panels(name):
        for target in panel.get("targets", ()):
            found = asked(QUERIES[f"{name}/{panel['title']}/{target['refId']}"])
            given = [labels for labels, _ in found.grouped] or [labels_of(series) for series, _ in found.chosen]
            named = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            assert named <= frozenset().union(*given), panel["title"]


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_panel_has_its_place_a_number_and_says_what_it_shows(name: str) -> None:
    shown = panels(name)
    assert len({panel["id"] for panel in shown}) == len(shown)
    for panel in shown:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith("."), panel["title"]
    for one, other in combinations(shown, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or below)
