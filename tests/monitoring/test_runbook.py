"""The runbook: one section for each alert, with commands, panels and settings that there are."""

from __future__ import annotations

import json
import re
import shlex

import pytest
import typer
from typer.core import TyperGroup

from andon.cli import app
from tests.monitoring.shelf import ALERTS, DASHBOARDS, ROOT, RUNBOOK

PAGE = RUNBOOK.read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = sorted(set(re.findall(r"`(andon [^`]+)`", PAGE)))


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    assert sorted(SECTIONS) == sorted(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_means_and_how_to_look_fix_and_verify(name: str) -> None:
    assert re.findall(r"^\*\*(\w+)\.\*\* \S", SECTIONS[name], re.MULTILINE) == ["Means", "Look", "Fix", "Verify"]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_can_be_given_as_it_stands(line: str) -> None:
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        command = command.commands[words.pop(0)]
    known = {name: option.required for option in command.params for name in option.opts if name.startswith("-")}
    given = {word for word in words if word.startswith("-")}
    assert given <= set(known)
    assert {name for name, required in known.items() if required and name.startswith("--")} <= given


def test_every_panel_and_dashboard_that_it_names_is_there() -> None:
    boards = [json.loads(file.read_text()) for file in DASHBOARDS.glob("*.json")]
    titles = {board["title"] for board in boards} | {panel["title"] for board in boards for panel in board["panels"]}
    named = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", PAGE))
    # "Latency" and "Time for a batch" are each two panels, or one with its quantile.
    assert {name for name in named if not any(title.startswith(name) for title in titles)} == set()


def test_every_setting_that_it_names_is_there() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert {name for name in re.findall(r"`(ANDON_\w+)", PAGE) if name.strip("_*") not in settings} == set()


def test_every_page_that_it_names_is_there() -> None:
    for page, anchor in re.findall(r"\]\(([\w./-]+)(?:#([\w-]+))?\)", PAGE):
        text = (RUNBOOK.parent / page).read_text()
        titles = re.findall("^#+ (.*)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, (page, anchor)
