"""A threshold for each regime of operation: chosen, kept to, told, and applied to the windows of that regime."""

from __future__ import annotations

from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from andon.contracts import PlantEvent
from andon.evaluation import Record
from andon.models import Bundle, load_bundle
from andon.models.thresholds import window_thresholds
from andon.plant import Plant
from andon.signing.view import bundle_facts
from services.trainer.datasets.build import Source, VectorDataset, build_dataset
from services.trainer.datasets.train import train_dataset
from services.trainer.evaluate import promises_of, verdicts
from tests.trainer.pumps import plant_of_pumps

SECOND = 1_000_000
ROWS, BATCH = 20_000, 250
CALM, WILD = "product milk", "product syrup"


def plant(thresholds: str) -> Plant:
    return Plant.model_validate(plant_of_pumps("hall/a", model={"thresholds": thresholds}))


def batches() -> list[PlantEvent]:
    """Milk and syrup, in turn."""
    return [
        PlantEvent(
            id=f"batch/{number}",
            time=start * SECOND,
            end=(start + BATCH) * SECOND,
            asset="hall/a",
            kind="batch",
            name=f"B{number}",
            attributes={"product": "syrup" if number % 2 else "milk"},
        )
        for number, start in zip(count(), range(0, ROWS, BATCH))
    ]


@cache
def dataset() -> VectorDataset:
    """A pump that runs less evenly with syrup than with milk."""
    random = np.random.default_rng(3)
    noise = np.where(np.arange(ROWS) // BATCH % 2, 3.0, 1.0)
    flow, pressure = 20 + noise * random.normal(size=ROWS), 3 + 0.1 * noise * random.normal(size=ROWS)
    rows = pl.DataFrame({"time": np.arange(ROWS) * SECOND, "flow": flow, "pressure": pressure})
    frames = rows.select(pl.lit("hall/a").alias("asset"), "time", pl.struct("flow", "pressure").alias("values"))
    return build_dataset(plant("one"), "pump", Source("test", frames, events=batches()))


def trained(folder: Path, thresholds: str) -> Bundle:
    (path,) = train_dataset(plant(thresholds), dataset(), folder, false_alarm_rate=0.01, clock=lambda: 1).bundles
    return load_bundle(path)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return trained(tmp_path_factory.mktemp("bundles"), "by_regime")


def test_what_runs_less_evenly_gets_a_higher_threshold(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert set(manifest.regime_thresholds) == {CALM, WILD}
    assert manifest.regime_thresholds[WILD] > 1.5 * manifest.regime_thresholds[CALM]
    assert manifest.threshold == manifest.regime_thresholds[WILD]  # which windows of other products are held against
    for regime in (CALM, WILD):
        assert manifest.metrics[f"calibration_alarms ({regime})"] <= 0.02
    told = dict(bundle_facts(manifest)[""])
    assert float(told[f"threshold of {CALM}"]) == pytest.approx(manifest.regime_thresholds[CALM], rel=1e-4)


def test_one_threshold_is_for_all_unless_the_plant_model_says_otherwise(tmp_path: Path) -> None:
    manifest = trained(tmp_path, "one").manifest
    assert manifest.regime_thresholds == {}
    assert not any("(" in name for name in manifest.metrics)


def test_each_window_is_held_against_the_threshold_of_its_regime(bundle: Bundle) -> None:
    test = dataset().parts["test"]
    own = bundle.manifest.regime_thresholds
    thresholds = window_thresholds(bundle.manifest, test)
    np.testing.assert_array_equal(thresholds, [own[regime] for regime in test["regime"]])
    unknown = test[:2].with_columns(regime=pl.Series(["product tar", ""]))
    assert window_thresholds(bundle.manifest, unknown).tolist() == [bundle.manifest.threshold] * 2


def test_promised_and_achieved_are_told_of_each_regime_and_of_all(bundle: Bundle, tmp_path: Path) -> None:
    test = dataset().parts["test"]
    (record,) = records(bundle, test).values()
    all_of_it, *each = promises_of("m", bundle, {"hall/a": record}, test)
    assert {promise.model for promise in each} == {f"m, {CALM}", f"m, {WILD}"}
    assert {promise.promised for promise in (all_of_it, *each)} == {"1.00% of windows"}
    assert all(promise.share < 0.04 for promise in (all_of_it, *each))
    one = trained(tmp_path, "one")
    assert len(list(promises_of("m", one, records(one, test), test))) == 1  # nothing was promised of regimes


def records(bundle: Bundle, vectors: pl.DataFrame) -> dict[str, Record]:
    return verdicts(vectors, bundle, plant("one").classes["pump"])
