"""A model of a dataset acts only if it does what its use case asks on windows that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner

from andon.errors import ConfigError, TrainingError
from andon.models import Bundle, Criterion, load_bundle
from andon.plant import Criteria, Plant
from services.trainer.acceptance import judge_test
from services.trainer.cli import train as command
from services.trainer.datasets.build import Source, VectorDataset, build_dataset
from services.trainer.datasets.folder import save_dataset
from services.trainer.datasets.frames import truth_of
from services.trainer.datasets.train import train_dataset
from tests.trainer.pumps import FEATURES, plant_of_pumps

SECOND = 1_000_000
ROWS = 4_000


def plant_file(criteria: Mapping[str, float], window: str = "10s") -> dict[str, Any]:
    case = {"name": "stops", "asset_class": "pump", "owner": "us", "kpi": "stops", "baseline": 4, "target": 1}
    made = plant_of_pumps("hall/a", features=FEATURES | {"window": window})
    return made | {"use_cases": [case | {"criteria": dict(criteria)}]}


def plant(**criteria: float) -> Plant:
    return Plant.model_validate(plant_file(criteria))


def dataset(*, events: bool = True) -> VectorDataset:
    """A pump of 4,000 s; its flow is too low from 3,500 s to 3,600 s, and its pressure a little from 3,800 s on."""
    random = np.random.default_rng(0)
    flow, pressure = random.normal(20, 1, ROWS), random.normal(3, 0.1, ROWS)
    flow[3_500:3_600] -= 8
    rows = pl.DataFrame({"time": np.arange(ROWS) * SECOND, "flow": flow, "pressure": pressure})
    frames = rows.select(pl.lit("hall/a").alias("asset"), "time", pl.struct("flow", "pressure").alias("values"))
    span = {"asset": ["hall/a"], "start": [3_500 * SECOND], "end": [3_600 * SECOND]}
    truth = truth_of(frames, pl.DataFrame(span)) if events else None
    return build_dataset(plant(), "pump", Source("test", frames, truth))


DATASET = dataset()


def trained(tmp_path: Path, model: Plant, data: VectorDataset = DATASET, champion: Bundle | None = None) -> Bundle:
    training = train_dataset(model, data, tmp_path, false_alarms_per_week=5.0, champion=champion, clock=lambda: 1)
    ((path, bundle),) = training.bundles.items()
    assert load_bundle(path) == bundle
    return bundle


def criteria(bundle: Bundle) -> dict[str, Criterion]:
    assert bundle.manifest.verdict is not None
    return {each.name: each for each in bundle.manifest.verdict.criteria}


def test_what_the_use_case_asks_is_in_the_bundle_with_its_evidence(tmp_path: Path) -> None:
    model = plant(min_recall=0.9, max_false_alarms_per_week=1, max_latency_ms=1_000, max_size_mib=1)
    bundle = trained(tmp_path, model)
    found = criteria(bundle)
    assert bundle.manifest.verdict is not None
    assert bundle.manifest.verdict.go
    assert (found["recall"].value, found["false_alarms_per_week"].value) == (1, 0)
    assert found["recall"].evidence.startswith("1 of 1 events found, 0 false alarms in ")
    assert (found["size_mib"].limit, found["latency_ms"].limit) == (1, 1_000)
    assert found["parity_mismatches"].met
    assert bundle.manifest.training.fit_windows == DATASET.card.parts["train"].windows
    assert bundle.manifest.training.data == f"dataset {DATASET.card.content[:12]} of test"


def test_the_same_dataset_gives_the_same_version(tmp_path: Path) -> None:
    assert trained(tmp_path / "a", plant()).ref == trained(tmp_path / "b", plant()).ref


def test_recall_that_no_event_shows_is_no_go(tmp_path: Path) -> None:
    found = criteria(trained(tmp_path, plant(min_recall=0.5), dataset(events=False)))
    assert not found["recall"].met
    assert found["recall"].evidence.startswith("0 of 0 events found")


def test_vectors_that_differ_from_their_frames_are_no_go(tmp_path: Path) -> None:
    parity = DATASET.card.parity.model_copy(update={"mismatches": 1})
    differing = replace(DATASET, card=DATASET.card.model_copy(update={"parity": parity}))
    bundle = trained(tmp_path, plant(), differing)
    assert bundle.manifest.verdict is not None
    assert [each.name for each in bundle.manifest.verdict.criteria if not each.met] == ["parity_mismatches"]


def test_a_model_that_is_worse_than_the_champion_is_no_go(tmp_path: Path) -> None:
    good = trained(tmp_path, plant())
    equal = criteria(trained(tmp_path, plant(), champion=good))
    assert equal["recall_of_champion"].met
    assert equal["false_alarms_of_champion"].met
    deaf, nervous = (replace(good, manifest=good.manifest.model_copy(update={"threshold": at})) for at in (1e9, 1e-9))
    assert [met for _, met in against(deaf, good)] == [False, True]
    assert [met for _, met in against(nervous, good)] == [True, False]


def against(model: Bundle, champion: Bundle) -> list[tuple[str, bool]]:
    pump = plant().classes["pump"]
    found = judge_test(model, DATASET.parts["test"], pump, Criteria(), champion)
    return [(each.name, each.met) for each in found]


def test_a_dataset_or_champion_of_another_definition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"the dataset is of feature definition .*build it again"):
        trained(tmp_path, Plant.model_validate(plant_file({}, "20s")))
    good = trained(tmp_path, plant())
    other = Bundle(good.manifest.model_copy(update={"feature_hash": "0" * 12}), good.onnx)
    with pytest.raises(TrainingError, match="cannot be judged on the same vectors"):
        trained(tmp_path, plant(), champion=other)


def test_the_command_trains_of_a_dataset_and_says_go_or_no_go(tmp_path: Path) -> None:
    app = Typer()
    app.command()(command)
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(plant_file({"min_recall": 0.9})))
    path = save_dataset(DATASET, tmp_path / "sets")
    given = ["--plant", tmp_path / "plant.yaml", "--dataset", path, "--output", tmp_path / "bundles"]
    done = CliRunner().invoke(app, [*map(str, given), "--false-alarms-per-week", "5"])
    assert done.exit_code == 0, done.output
    assert "  go\n" in done.output
    assert "recall: 1, at least 0.9 (1 of 1 events found" in done.output
    refused = CliRunner().invoke(app, [*map(str, given), "--rows", "5"])
    assert isinstance(refused.exception, ConfigError)
    assert "--rows is not for --dataset" in str(refused.exception)
