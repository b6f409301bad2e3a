"""From a labelled recording and bundles to figures and a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner, Result

from andon.errors import AndonError, ConfigError, TrainingError
from andon.models import Bundle
from andon.plant import Criteria, Plant
from andon.recordings import load_mapping, open_recording
from services.trainer.dataset import read_dataset, train_recording
from services.trainer.evaluate import Case, evaluate, labelled_vectors, verdicts
from services.trainer.evaluate_cli import evaluate as command
from services.trainer.judgement import judge_models
from tests.trainer.pumps import plant_of_pumps

SECOND = 1_000_000
ROWS, FAULT = 1_200, slice(900, 1_100)
PLANT_FILE = plant_of_pumps("hall/a", "hall/b")
PLANT = Plant.model_validate(PLANT_FILE)
MAPPING = {
    "files": "*.parquet",
    "format": "parquet",
    "time": {"column": "time", "format": "epoch_us"},
    "assets": [{"asset": "hall/{stem}", "columns": {"flow": "flow", "pressure": "pressure"}}],
    "labels": ["fault"],
}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pumps of twenty minutes; the flow of both is too low from 900 s to 1,100 s."""
    folder = tmp_path_factory.mktemp("recording")
    for seed, name in enumerate("ab"):
        random = np.random.default_rng(seed)
        flow, pressure = random.normal(20, 1, ROWS), random.normal(3, 0.1, ROWS)
        flow[FAULT] -= 8
        fault = np.zeros(ROWS)
        fault[FAULT] = 1
        rows = {"time": np.arange(ROWS) * SECOND, "flow": flow, "pressure": pressure, "fault": fault}
        pl.DataFrame(rows).write_parquet(folder / f"{name}.parquet")
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    (folder / "plant.yaml").write_text(yaml.safe_dump(PLANT_FILE))
    return folder


@pytest.fixture(scope="module")
def bundle(recording: Path) -> Bundle:
    mapping = load_mapping(recording / "mapping.yaml")
    training = train_recording(
        PLANT, recording, mapping, recording / "bundles", max_rows=800, false_alarms_per_week=5.0, clock=lambda: 1
    )
    (made,) = training.bundles.values()
    return made


def case(recording: Path, **options: int) -> Case:
    opened = open_recording(recording, load_mapping(recording / "mapping.yaml"), PLANT, **options)
    truth = opened.labels().select("asset", "time", abnormal=pl.col("fault") > 0)
    return Case(PLANT.classes["pump"], read_dataset(opened).frames["pump"], truth)


def test_a_model_that_knows_is_told_from_detectors_that_do_not(recording: Path, bundle: Bundle) -> None:
    report = evaluate(case(recording, skip_rows=800), [bundle], "pumps")
    (row,) = report.figures
    assert (row.found, row.events) == (2, 2)
    assert row.f1 > 0.9 > max(each.f1 for each in report.trivial)
    assert [each.name for each in report.trivial] == ["always on", "at random", "persistence"]
    assert report.promises[0].promised == "at most 5 a week"
    assert report.promises[0].alarms_per_week == 0


def test_worse_data_gives_worse_figures_and_a_hanging_flow_sensor_hides_the_fault(
    recording: Path, bundle: Bundle
) -> None:
    noise, gaps, dead = evaluate(case(recording, skip_rows=800), [bundle], "pumps").robustness.values()
    assert noise["FAR"][-1][1] >= noise["FAR"][0][1]
    assert gaps["MAR"][-1][1] > gaps["MAR"][0][1]  # with two samples in five missing, many windows are not judged
    without, flow, pressure = (value for _, value in dead["MAR"])
    assert without == pytest.approx(pressure, abs=0.1)
    assert flow == 1


def test_the_truth_of_a_window_is_that_of_its_last_sample(recording: Path) -> None:
    vectors = labelled_vectors(case(recording).frames, case(recording)).filter(asset="hall/a")
    ends = vectors.filter("abnormal")["time"]
    assert (ends.min(), ends.max()) == (905 * SECOND, 1_100 * SECOND)


def test_a_verdict_does_not_depend_on_what_comes_later(recording: Path, bundle: Bundle) -> None:
    whole, cut = case(recording), case(recording, max_rows=1_000)
    early = verdicts(labelled_vectors(cut.frames, cut), bundle, cut.asset_class)["hall/a"]
    late = verdicts(labelled_vectors(whole.frames, whole), bundle, whole.asset_class)["hall/a"]
    complete = len(early.score) - 2  # the last two windows are cut off
    np.testing.assert_array_equal(early.score[:complete], late.score[:complete])
    np.testing.assert_array_equal(early.alarm[:complete], late.alarm[:complete])


def test_truth_of_one_class_only_is_refused(recording: Path, bundle: Bundle) -> None:
    with pytest.raises(TrainingError, match="windows are normal by their labels"):
        evaluate(case(recording, max_rows=500), [bundle], "pumps")


def test_a_model_of_another_definition_is_refused(recording: Path, bundle: Bundle) -> None:
    other = PLANT_FILE | {"classes": {"pump": {"tags": {"flow": {}, "pressure": {}}}}}
    changed = Case(Plant.model_validate(other).classes["pump"], case(recording).frames, case(recording).truth)
    with pytest.raises(TrainingError, match="of another feature definition"):
        evaluate(changed, [bundle], "pumps")


def ran(recording: Path, output: Path, *more: object, criteria: Mapping[str, float] | None = None) -> Result:
    """Run the command with a plant whose use case asks for *criteria*."""
    asked = {
        "name": "Low flow",
        "asset_class": "pump",
        "owner": "shift lead",
        "kpi": "stops",
        "baseline": 2,
        "target": 1,
    }
    plant = output / "plant.yaml"
    plant.write_text(yaml.safe_dump(PLANT_FILE | {"use_cases": [asked | {"criteria": dict(criteria or {})}]}))
    app = Typer()
    app.command()(command)
    given = ["--plant", plant, "--recording", recording, "--output", output, "--skip-rows", 800, *more]
    return CliRunner().invoke(app, [str(each) for each in given])


def test_the_command_writes_a_report(recording: Path, bundle: Bundle, tmp_path: Path) -> None:
    done = ran(recording, tmp_path, "--bundles", recording / "bundles")
    assert done.exit_code == 0, done.output
    assert "2/2" in done.output
    assert (tmp_path / "pump.html").read_text().startswith("<!doctype html>")
    refused = ran(recording, tmp_path, "--bundles", tmp_path)
    assert isinstance(refused.exception, AndonError)
    assert "andon train" in str(refused.exception)


def test_the_command_says_go_or_no_go_by_the_use_case(recording: Path, bundle: Bundle, tmp_path: Path) -> None:
    own = "--bundles", recording / "bundles"
    asked = {"min_recall": 0.9, "max_false_alarms_per_week": 10, "max_latency_ms": 1_000, "max_size_mib": 1}
    done = ran(recording, tmp_path, *own, criteria=asked)
    assert done.exit_code == 0, done.output
    assert f"{bundle.manifest.family} {bundle.ref.version}:\n  go\n" in done.output
    assert "recall: 1, at least 0.9 (2 of 2 events found, 0 false alarms in" in done.output
    assert re.search(r"parity_mismatches: 0, at most 0 \(1\d\d vectors computed again", done.output)
    page = (tmp_path / "pump.html").read_text()
    assert '<span class="go">Go</span>' in page
    assert "not for protection or control" in page  # the card's intended use
    done = ran(recording, tmp_path, *own, criteria=asked | {"max_size_mib": 1e-6})
    assert done.exit_code == 1, done.output
    assert "  no go\n" in done.output
    assert '<span class="nogo">No go</span>' in (tmp_path / "pump.html").read_text()


def test_a_model_must_be_no_worse_than_the_champion_whatever_windows_that_looks_at(
    recording: Path, bundle: Bundle
) -> None:
    deaf, nervous = (
        replace(bundle, manifest=bundle.manifest.model_copy(update={"threshold": at})) for at in (1e9, 1e-9)
    )
    assert against(recording, bundle, bundle) == {"recall_of_champion": True, "false_alarms_of_champion": True}
    assert against(recording, deaf, bundle) == {"recall_of_champion": False, "false_alarms_of_champion": True}
    assert against(recording, nervous, bundle) == {"recall_of_champion": True, "false_alarms_of_champion": False}
    longer = PLANT_FILE["classes"]["pump"] | {"features": {"window": "30s", "aggregates": ["mean"]}}
    other = Plant.model_validate(PLANT_FILE | {"classes": {"pump": longer}})
    mapping = load_mapping(recording / "mapping.yaml")
    trained = train_recording(other, recording, mapping, recording / "other", max_rows=800)
    (champion,) = trained.bundles.values()
    assert champion.manifest.feature_hash != bundle.manifest.feature_hash
    assert all(against(recording, bundle, champion).values())


def against(recording: Path, model: Bundle, champion: Bundle) -> dict[str, bool]:
    (judged,) = judge_models(case(recording, skip_rows=800), [model], Criteria(), champion)
    return {each.name: each.met for each in judged.verdict.criteria if each.name.endswith("champion")}


def test_a_champion_of_another_class_is_refused(recording: Path, bundle: Bundle, tmp_path: Path) -> None:
    pumps = yaml.safe_dump(PLANT_FILE).replace("pump", "fan")
    fans = Plant.model_validate(yaml.safe_load(pumps))
    mapping = load_mapping(recording / "mapping.yaml")
    (champion,) = train_recording(fans, recording, mapping, tmp_path / "fans", max_rows=800).bundles
    refused = ran(recording, tmp_path, "--bundles", recording / "bundles", "--champion", champion)
    assert isinstance(refused.exception, ConfigError)
    assert "is a model of class fan, the recording has pump" in str(refused.exception)
