"""`andon alert` and `andon feedback` on a real broker, and the page that shows them."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from andon.clock import SECOND
from andon.contracts import AlertState, Feedback, Verdict
from andon.errors import AndonError
from andon.plant import Plant
from andon.plant.alarms import Flapping
from andon.plant.model import ModelSpec
from andon.settings import KafkaSettings
from andon.settings_table import settings_of
from andon.stream.topics import ensure_topics
from andon.telemetry.catalogue import CATALOGUE
from andon.uns import Stage
from services.alert import cli
from services.alert.settings import AlertRules
from tests.alert.alerting import (
    MODEL,
    NAME,
    PAGE,
    PUMP,
    SHOWN,
    T0,
    alert,
    send,
)
from tests.faults.processes import ASSETS, pumping_plant
from tests.stream.bus import reading, stage_topic


@pytest.fixture
def plant(site: str) -> Plant:
    return Plant.model_validate(pumping_plant(site))


@pytest.fixture
def andon(kafka: KafkaSettings, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The commands, with an environment that names the plant model and the broker."""
    path = tmp_path / "plant.yaml"
    path.write_text(yaml.safe_dump(pumping_plant(plant.site)))
    monkeypatch.setenv("ANDON_PLANT", str(path))
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("ANDON_KAFKA__IDEMPOTENT", str(kafka.idempotent))
    whole = typer.Typer()
    whole.add_typer(cli.app, name="alert")
    whole.command("feedback")(cli.feedback)

    def run(*arguments: str) -> Result:
        plain = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None}
        return CliRunner(env=plain).invoke(whole, arguments)

    return run


def test_the_commands_list_take_and_judge(andon: Callable[..., Result], kafka: KafkaSettings, plant: Plant) -> None:
    other = f"{ASSETS[1]}@{T0}:alert"
    grave = alert(id="grave", asset=ASSETS[1], alert=other, severity="critical", model=MODEL, causes=["flow:anomaly"])

    async def prepare() -> None:
        await ensure_topics(kafka, plant)
        over = alert(AlertState.RESOLVED, id="over", asset=ASSETS[2], alert=f"{ASSETS[2]}@{T0}:alert")
        await send(kafka, plant, Stage.ALERT, [alert(), over, grave])

    asyncio.run(prepare())
    listed = andon("alert", "list")
    assert listed.exit_code == 0, listed.exception
    shown = listed.stdout
    assert shown.index(other) < shown.index(NAME)
    assert "2 open" in shown
    assert f"{ASSETS[2]}@" not in shown
    assert json.loads(andon("alert", "list", "--json", "--asset", ASSETS[1]).stdout)["alert"] == other
    assert andon("alert", "list", "--asset", "line/pump").stdout == "no alerts\n"
    assert andon("alert", "ack", NAME, "--author", "anna").stdout.endswith(":feedback:anna-acknowledge\n")
    assert andon("alert", "shelve", NAME, "--author", "anna", "--for", "2h").exit_code == 0
    assert andon("feedback", other, "--verdict", "false", "--author", "ben", "--note", "loose cable").exit_code == 0
    over = andon("alert", "ack", f"{ASSETS[2]}@{T0}:alert", "--author", "anna")
    assert isinstance(over.exception, AndonError)
    assert "is over" in str(over.exception)
    assert andon("alert", "shelve", NAME, "--author", "anna", "--for", "soon").exit_code == 2

    async def said() -> list[dict[str, Any]]:
        async with reading(kafka, stage_topic(plant, Stage.FEEDBACK)) as feedback:
            return await feedback.events(3)

    events = {(one["asset"], one["action"]): Feedback.model_validate(one) for one in asyncio.run(said())}
    assert events[PUMP, "shelve"].until == events[PUMP, "shelve"].time + 7_200 * SECOND
    judged = events[ASSETS[1], "verdict"]
    assert (judged.verdict, judged.note, judged.model) == (Verdict.FALSE, "loose cable", MODEL)


def test_the_commands_of_the_page_work(andon: Callable[..., Result], kafka: KafkaSettings, plant: Plant) -> None:
    async def prepare() -> None:
        await ensure_topics(kafka, plant)
        await send(kafka, plant, Stage.ALERT, [alert()])

    asyncio.run(prepare())
    commands = re.findall(r"^andon (.*)$", PAGE, re.MULTILINE)
    assert {shlex.split(command)[0] for command in commands} == {"alert", "feedback"}
    for command in commands:
        result = andon(*shlex.split(command.replace(SHOWN, NAME), comments=True))
        assert result.exit_code == 0, (command, result.exception)


def test_the_tables_of_the_page_hold_every_state_metric_and_setting() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|$", PAGE, re.MULTILINE)
    assert {name for name, _ in rows if not name.startswith("andon_")} == set(AlertState)
    named = {name for name in CATALOGUE if name.startswith(("andon_alert", "andon_feedback"))}
    assert {name for name, _ in rows if name.startswith("andon_")} == named
    (model,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert ModelSpec.model_validate(yaml.safe_load(model)["model"]).flapping == Flapping()
    variables = {one.variable for one in settings_of(AlertRules, "ANDON_ALERT__")}
    assert set(re.findall(r"ANDON_ALERT__\w+", PAGE)) <= variables
