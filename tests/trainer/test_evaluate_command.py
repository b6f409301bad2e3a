"""From a labelled recording and bundles to figures and a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from andon.errors import AndonError, TrainingError
from andon.models import Bundle
from andon.plant import Plant
from andon.recordings import load_mapping, open_recording
from services.trainer.dataset import read_dataset, train_recording
from services.trainer.evaluate import Case, evaluate, labelled_vectors, verdicts
from services.trainer.evaluate_cli import evaluate as command

SECOND = 1_000_000
ROWS, FAULT = 1_200, slice(900, 1_100)
PLANT_FILE = {
    "enterprise": "acme",
    "site": "north",
    "classes": {
        "pump": {
            "scan": "1s",
            "tags": {"flow": {}, "pressure": {}},
            "features": {"window": "10s", "hop": "5s", "aggregates": ["mean", "std"]},
        }
    },
    "assets": {"hall/a": {"class": "pump"}, "hall/b": {"class": "pump"}},
}
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


def test_the_command_writes_a_report(recording: Path, bundle: Bundle, tmp_path: Path) -> None:
    app = Typer()
    app.command()(command)
    arguments = ["--plant", recording / "plant.yaml", "--recording", recording, "--output", tmp_path]
    given = [*arguments, "--bundles", recording / "bundles", "--skip-rows", 800]
    done = CliRunner().invoke(app, [str(each) for each in given])
    assert done.exit_code == 0, done.output
    assert "2/2" in done.output
    assert (tmp_path / "pump.html").read_text().startswith("<!doctype html>")
    refused = CliRunner().invoke(app, [*map(str, arguments), "--bundles", str(tmp_path)])
    assert isinstance(refused.exception, AndonError)
    assert "andon train" in str(refused.exception)
