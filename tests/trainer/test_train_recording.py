"""From a recording to bundles that can be served, as a function and as a command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

from andon.cli import app
from andon.errors import TrainingError
from andon.models import load_bundle
from andon.plant import Plant
from andon.recordings import Mapping, load_mapping
from services.trainer.dataset import Training, good_samples, train_recording
from services.trainer.families import Effort

SECOND = 1_000_000
START = 1_704_067_200 * SECOND  # 2024-01-01T00:00:00Z
ROWS = 600

PLANT_FILE = {
    "enterprise": "acme",
    "site": "north",
    "classes": {
        "pump": {
            "scan": "1s",
            "tags": {
                "flow": {"unit": "m^3/h", "source_unit": "liter/s"},
                "pressure": {"unit": "bar", "range": [0, 10]},
                "running": {"kind": "boolean"},
            },
            "features": {"window": "10s", "aggregates": ["mean", "std", "min", "max", "good_ratio"]},
        },
        "fan": {"tags": {"speed": {}}, "features": {"window": "10s", "aggregates": ["mean"]}},
    },
    "assets": {"hall/pump": {"class": "pump"}, "hall/fan": {"class": "fan"}},
    "use_cases": [
        {"name": "Dry runs", "asset_class": "pump", "owner": "shift lead", "kpi": "stops", "baseline": 4, "target": 1}
    ],
}
PLANT = Plant.model_validate(PLANT_FILE)
EXTRA = {"lagged_means": [{"tags": ["flow", "pressure"], "panes": 5}]}
MAPPING = {
    "files": "*.parquet",
    "format": "parquet",
    "time": {"column": "time", "format": "epoch_us"},
    "assets": [
        {"asset": "hall/pump", "columns": {"flow": "flow", "pressure": "pressure", "running": "running"}},
        {"asset": "hall/fan", "columns": {"speed": "speed"}},
    ],
}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of ten minutes in which the pump is normal and the fan does not turn."""
    random = np.random.default_rng(1)
    load = np.repeat(random.normal(size=ROWS // 20), 20)
    folder = tmp_path / "march"
    folder.mkdir()
    pl.DataFrame(
        {
            "time": START + np.arange(ROWS) * SECOND,
            "flow": 10 + load + 0.1 * random.normal(size=ROWS),
            "pressure": 5 + load / 2 + 0.1 * random.normal(size=ROWS),
            "running": True,
            "speed": 0.0,
        }
    ).write_parquet(folder / "frames.parquet")
    (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(PLANT_FILE))
    return folder


def mapping(recording: Path) -> Mapping:
    return load_mapping(recording / "mapping.yaml")


def trained(recording: Path, **options: Any) -> Training:
    return train_recording(
        PLANT, recording, mapping(recording), recording.parent / "bundles", clock=lambda: 7, **options
    )


@pytest.mark.parametrize("family", ["convolution", "forecaster"])
def test_sequence_models_learn_from_the_lagged_means_of_the_plant_model(recording: Path, family: str) -> None:
    features = {"window": "10s", "aggregates": ["mean"], "extra": EXTRA}
    pump = PLANT_FILE["classes"]["pump"] | {"features": features, "model": {"family": family}}  # type: ignore[index]
    plant = Plant.model_validate(PLANT_FILE | {"classes": PLANT_FILE["classes"] | {"pump": pump}})  # type: ignore[operator]
    effort = Effort(epochs=5, patience=5)
    checkpoints = recording.parent / "fits"
    bundles = recording.parent / "bundles"
    training = train_recording(
        plant, recording, mapping(recording), bundles, effort=effort, checkpoints=checkpoints, clock=lambda: 7
    )
    ((path, bundle),) = training.bundles.items()
    assert load_bundle(path).manifest.family == bundle.manifest.family == family
    assert (checkpoints / "pump").exists()


def test_a_recording_becomes_bundles_and_reasons(recording: Path) -> None:
    training = trained(recording)
    ((path, bundle),) = training.bundles.items()
    assert load_bundle(path) == bundle
    facts = bundle.manifest
    assert (facts.name, facts.asset_class, facts.created) == ("pump", "pump", 7)
    assert (facts.card.purpose, facts.card.owner) == ("Dry runs (stops)", "shift lead")
    assert facts.card.intended_use.startswith("Says of machines of class pump whether 10 s of their data")
    assert "not for protection or control" in facts.card.intended_use
    assert facts.card.data.startswith("recording march: 59 windows of hall/pump, 2024-01-01T00:00:00")
    assert list(training.refused) == ["fan"]
    assert "speed_mean did not move in the normal period" in training.refused["fan"]


def test_a_model_looks_at_the_machine_and_not_at_its_data(recording: Path) -> None:
    ((_, bundle),) = trained(recording).bundles.items()
    assert bundle.manifest.training.excluded_features == {
        "flow_good_ratio": "describes the data, not the machine",
        "pressure_good_ratio": "describes the data, not the machine",
    }


def test_models_learn_in_the_plants_units(recording: Path) -> None:
    ((_, bundle),) = trained(recording).bundles.items()
    assert bundle.manifest.reference.features["flow_mean"].mean == pytest.approx(36, abs=2)


def test_only_the_normal_period_is_learned(recording: Path) -> None:
    by_rows = trained(recording, max_rows=500)
    by_time = trained(recording, until=START + 500 * SECOND)
    for training in (by_rows, by_time):
        ((_, bundle),) = training.bundles.items()
        assert bundle.manifest.training.last == START + 500 * SECOND


def test_samples_that_the_context_stage_would_mark_are_not_learned() -> None:
    pressures = [5.0, 10.5, None, float("nan"), 5.0, 5.0]
    frames = pl.DataFrame(
        {
            "asset": "hall/pump",
            "time": range(6),
            "values": [{"flow": 1.0, "pressure": pressure, "running": True} for pressure in pressures],
            "status": [{"flow": None, "pressure": code, "running": None} for code in [None] * 5 + [0x8000_0000]],
        }
    )
    samples = good_samples(frames, PLANT.classes["pump"])
    assert samples.columns == ["asset", "time", "flow", "pressure"]
    assert samples["flow"].to_list() == [3.6] * 6
    assert samples["pressure"].to_list() == [5.0, None, None, None, 5.0, None]
    assert good_samples(frames.drop("status"), PLANT.classes["pump"])["pressure"].to_list()[-1] == 5.0


def test_if_no_class_gets_a_model_that_is_an_error(recording: Path) -> None:
    with pytest.raises(TrainingError, match=r"class pump: too few windows(.|\n)*class fan: too few windows"):
        trained(recording, max_rows=50)
    with pytest.raises(TrainingError, match="holds no frame of the period asked for"):
        trained(recording, until=START)


def test_the_command_names_what_it_wrote_and_what_it_could_not(recording: Path) -> None:
    bundles = recording.parent / "bundles"
    arguments = ["--plant", str(recording.parent / "plant.yaml"), "--recording", str(recording), "-o", str(bundles)]
    result = CliRunner().invoke(app, ["train", *arguments, "--until", "2024-01-01T00:08:20"])
    assert result.exit_code == 2  # the fan
    (path,) = (bundles / "pump").iterdir()
    assert f"{path}: model of class pump from 49 windows, looking at 8 of 10 features" in result.output
    assert "no model of class fan: none of the 1 features" in result.output


def test_the_command_explains_what_a_person_must_correct(recording: Path) -> None:
    arguments = ["--plant", str(recording.parent / "plant.yaml"), "--recording", str(recording), "--rows", "5"]
    result = CliRunner().invoke(app, ["train", *arguments])
    assert result.exit_code == 2
    assert "Error: class pump: too few windows" in result.output
