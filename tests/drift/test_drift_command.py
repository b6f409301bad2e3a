"""`andon drift report` on a real broker: what a person sees of a machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from andon.contracts import DriftReport
from andon.models import save_bundle
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.publish import new_lines, publishing
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from services.drift.cli import app
from tests.drift.pumps import ASSETS, PLANT_FILE, bundle, everything, undisturbed

WORN, WRONG, SOUND, SILENT = ASSETS


async def fill(kafka: KafkaSettings, plant: Plant, reports: list[DriftReport]) -> None:
    await ensure_topics(kafka, plant)
    async with publishing(kafka, topic_name(plant, Stage.FEATURE)) as feed:
        await feed.publish(everything())
    async with publishing(kafka, topic_name(plant, Stage.DRIFT)) as feed:
        lines: list[Line] = new_lines([(r.asset.encode(), r.model_dump_json().encode()) for r in reports])
        await feed.deliver([*lines, *lines])  # delivery is at least once


@pytest.fixture
def place(kafka: KafkaSettings, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "plant.yaml"
    file.write_text(yaml.safe_dump(PLANT_FILE | {"site": site}, sort_keys=False))
    monkeypatch.setenv("ANDON_PLANT", str(file))
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_a_machine_is_shown_in_words_and_as_a_page(kafka: KafkaSettings, site: str, place: Path) -> None:
    asyncio.run(fill(kafka, Plant.model_validate(PLANT_FILE | {"site": site}), undisturbed(everything())))
    folder, page = save_bundle(bundle(), place / "bundles"), place / "pump.html"
    shown = run(WORN, "--html", page, "--bundle", folder, "--hours", 1_000_000)
    assert shown.exit_code == 0, shown.output
    states = [line.split()[1] for line in shown.stdout.splitlines() if line[:2] == "20"]
    assert states == ["stable", "warning", "drift"], "each once, though sent twice"
    assert "drift (process drift)" in shown.stdout
    assert "retrain: wanted" in shown.stdout
    html = page.read_text()
    assert html.count("<svg") >= 6, "a distribution and a course of each signal"
    assert "flow mean, m³/h" in html
    assert "http" not in html, "nothing is loaded from elsewhere"
    assert "stable" in run(SOUND).stdout


def test_what_cannot_be_shown_is_said(place: Path, site: str) -> None:
    assert "there is no asset 'hall/pump-9'" in str(run("hall/pump-9").exception)
    assert "there is no topic" in str(run(SOUND).exception)
    assert "name both or none" in str(run(SOUND, "--html", place / "x.html").exception)
