"""`andon demo --drift`: the whole loop, from a pump that wears to the approved model that ends its alarms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from andon.contracts import Alert, DriftReport, ModelEvent
from andon.contracts.examples import EXAMPLES
from sandbox.cli import demo
from sandbox.demo.drifting.checks import checks
from sandbox.demo.drifting.scenario import CHANGED, MISREAD, SOUND, WORN, Play, make_play
from sandbox.demo.drifting.watching import Verdicts, Watching
from services.trainer.retraining.requests import Periods, answered, asked_by_drift
from tests.trainer.retraining import report

NOW = 1_800_000_000_000_000
BETTER = Verdicts({"production": 100, "shadow": 100}, {"production": 90, "shadow": 2}, NOW)
CALM = Verdicts({"production": 100}, {"production": 0}, NOW)


@pytest.mark.alone
def test_wear_a_faulty_sensor_and_a_new_product_are_told_apart_and_only_wear_leads_to_a_new_model(
    tmp_path: Path,
) -> None:
    app = Typer()
    app.command()(demo)
    done = CliRunner().invoke(app, ["--drift", "--seconds", "12", "--directory", str(tmp_path)], env={"COLUMNS": "200"})
    log = tmp_path / "drift" / "services.log"
    assert done.exit_code == 0, f"{done.output}\n{done.exception}\n{log.read_text()[-3_000:] if log.exists() else ''}"
    assert "all as it must be" in done.output
    assert re.search(r"retrained: candidate [0-9a-f]{12} from [\d,]+ windows", done.output)


def told(play: Play, **causes: tuple[str, str]) -> Watching:
    """Return what was heard when each of the pumps was reported so, and the worn one got its model."""
    seen = Watching(lambda _: None)
    for number, (cause, retrain) in enumerate(causes.values()):
        said: dict[str, Any] = {"cause": cause, "retrain": retrain, "state": "drift" if cause != "none" else "stable"}
        heard = report(play.begin, play.assets[number], **said)
        seen.reports[heard.id] = heard
        for event in _answers(heard):
            seen.models[event.id] = event
    seen.alerts = {each.id: each for each in (_alert(play, "open"), _alert(play, "resolved"))}
    return seen


def _alert(play: Play, state: str, *, opened: int | None = None) -> Alert:
    """Return a change of an alert of the worn pump, opened when it began to wear."""
    at = play.begin if opened is None else opened
    name = f"{play.assets[WORN]}@{at}:alert"
    changes = {"id": f"{name}:{state}", "alert": name, "asset": play.assets[WORN], "opened": at, "state": state}
    return EXAMPLES[Alert].model_copy(update=changes | {"time": at + (state == "resolved")})  # type: ignore[return-value]


def _answers(heard: DriftReport) -> list[ModelEvent]:
    request = asked_by_drift(heard, NOW, Periods(0, 1))
    if heard.retrain == "wanted":
        return [answered(request, "retrained", NOW, "", version="v", digest="d")]
    return [answered(request, "retrain_refused", NOW, "", code="faulty_data")] if heard.retrain == "refused" else []


AS_IT_MUST_BE = {
    "worn": ("process_drift", "wanted"),
    "misread": ("sensor_fault", "refused"),
    "changed": ("new_regime", "no"),
    "sound": ("none", "no"),
}


@pytest.mark.parametrize(
    ("wrong", "number"),
    [
        ({}, None),
        ({"worn": ("sensor_fault", "refused")}, WORN),
        ({"misread": ("process_drift", "wanted")}, MISREAD),
        ({"changed": ("process_drift", "wanted")}, CHANGED),
        ({"sound": ("process_drift", "wanted")}, SOUND),
    ],
)
def test_what_is_told_wrongly_is_shown_as_wrong(
    tmp_path: Path, wrong: dict[str, tuple[str, str]], number: int | None
) -> None:
    play = make_play(tmp_path, 7, NOW)
    found = checks(play, told(play, **{**AS_IT_MUST_BE, **wrong}), BETTER, CALM)
    assert all(each.ok for each in found) == (number is None)
    if number is not None:
        assert not found[number].ok
    late = told(play, **AS_IT_MUST_BE)
    again = _alert(play, "open", opened=play.act_ends[-1])
    late.alerts[again.id] = again
    assert not checks(play, late, BETTER, CALM)[-1].ok
    worse = Verdicts({"production": 100, "shadow": 100}, {"production": 0, "shadow": 2}, NOW)
    assert not checks(play, told(play, **AS_IT_MUST_BE), worse, CALM)[-2].ok
