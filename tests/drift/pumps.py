"""Four pumps that follow a demand, a model of them with its reference, and what may become of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.contracts import DriftReport, FeatureVector
from andon.models import Bundle, save_bundle
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream import Result
from services.drift.processor import Watches, drift_stage
from services.drift.settings import WatchSettings
from services.drift.watch import Watch
from services.trainer.order import Order
from services.trainer.train import train_class

STEP = 10_000_000
T0 = 1_700_000_000_000_000
#: Windows of reference of each pump, and the first one with a fault.
REFERENCE, FAULT = 1_500, 120
ASSETS = tuple(f"hall/pump-{number}" for number in range(1, 5))
TAGS = {"flow": (20.0, 2.0), "pressure": (40.0, 3.0), "power": (1_000.0, 50.0), "speed": (1_400.0, 30.0)}
PLANT_FILE: dict[str, Any] = {
    "enterprise": "acme",
    "site": "north",
    "classes": {
        "pump": {
            "tags": {"flow": {"unit": "m^3/h"}, "pressure": {"unit": "bar"}, "power": {"unit": "kW"}, "speed": {}},
            "features": {"window": "10s", "aggregates": ["mean", "std", "good_ratio"]},
        }
    },
    "assets": {asset: {"class": "pump"} for asset in ASSETS},
}
PLANT = Plant.model_validate(PLANT_FILE)
PUMP = PLANT.classes["pump"]
NAMES = PUMP.feature_definition.feature_names
Features = NDArray[np.float64]
Fault = Callable[[Features], Features]


def normal(count: int, seed: int) -> Features:
    """Return the features of *count* windows: all signals follow one load, each with noise of its own."""
    random = np.random.default_rng(seed)
    load = np.zeros(count)
    for row in range(1, count):
        load[row] = 0.8 * load[row - 1] + 0.6 * random.normal()
    columns = []
    for centre, slope in TAGS.values():
        columns += [centre + slope * (load + 0.2 * random.normal(size=count)), slope * random.uniform(0.8, 1.2, count)]
        columns.append(np.ones(count))
    return np.array(columns).T


def vectors(features: Features, asset: str, *, first: int = 0, **context: str) -> pl.DataFrame:
    """Return feature vectors of consecutive windows, as the drift stage receives them."""
    count = len(features)
    start = T0 + np.arange(first, first + count) * STEP
    schema = event_schema(FeatureVector, PUMP)
    return pl.DataFrame(
        {
            "id": [f"{asset}@{time}:feature:x" for time in start + STEP],
            "asset": pl.Series([asset]).new_from_index(0, count),
            "asset_class": pl.Series(["pump"]).new_from_index(0, count),
            "time": start + STEP,
            "ingest_time": start + STEP + 250_000,
            "origin": pl.Series(["live"]).new_from_index(0, count),
            "revision": np.zeros(count, dtype=np.int64),
            "definition": pl.Series([PUMP.feature_definition.hash]).new_from_index(0, count),
            "start": start,
            "samples": 10,
            "expected": 10,
            "good_ratio": np.ones(count),
            "features": pl.DataFrame(features, schema=NAMES, orient="row", nan_to_null=True).to_struct(),
            "context": pl.Series([context or None], dtype=schema["context"]).new_from_index(0, count),
        }
    )


@cache
def bundle(product: str | None = None) -> Bundle:
    """Return a model of the pumps, which brings its reference."""
    regime = pl.lit("" if product is None else f"product {product}").alias("regime")
    windows = [vectors(normal(REFERENCE, seed), asset) for seed, asset in enumerate(ASSETS)]
    order = Order("pump", "pump", PUMP, PLANT.version, "Does it run as usual?", "maintenance", "made by a test")
    return train_class(pl.concat(windows).with_columns(regime), order).seal(1_700_000_000_000_000)


@cache
def watch(product: str | None = None) -> Watch:
    """Return what the pumps are watched with."""
    made = Watch.of(bundle(product), PUMP)
    assert isinstance(made, Watch), made
    return made


def bundles(folder: Path) -> Path:
    """Write the model into a folder of bundles."""
    save_bundle(bundle(), folder)
    return folder


def worn(features: Features) -> Features:
    """Return windows of a pump that takes more power, at less flow and pressure."""
    return features + shift(power=60.0, flow=-2.0, pressure=-3.0)


def miscalibrated(features: Features) -> Features:
    """Return windows in which the flow sensor reads too much."""
    return features + shift(flow=6.0)


def silent(features: Features) -> Features:
    """Return windows in which no sample of the pressure is good."""
    columns = [NAMES.index(name) for name in ("pressure_mean", "pressure_std")]
    return np.where(np.isin(np.arange(len(NAMES)), columns), np.nan, features)


def shift(**by: float) -> Features:
    """Return what is to be added to features, by tag."""
    return np.array([by.get(name.removesuffix("_mean"), 0.0) for name in NAMES])


def played(asset: str, fault: Fault | None, count: int = 300, **context: str) -> pl.DataFrame:
    """Return *count* windows of a pump after the reference, with a fault from window `FAULT` on."""
    features = normal(count, seed=100 + ASSETS.index(asset))
    if fault:
        features[FAULT:] = fault(features[FAULT:])
    return vectors(features, asset, first=REFERENCE + 500, **context)


#: What becomes of each pump.
FAULTS: dict[str, Fault | None] = dict(zip(ASSETS, (worn, miscalibrated, None, silent), strict=True))


def everything(count: int = 300) -> pl.DataFrame:
    """Return the windows of all pumps, by time."""
    return pl.concat(played(asset, fault, count) for asset, fault in FAULTS.items()).sort("time", maintain_order=True)


def numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Return windows as the runtime hands them to a processor."""
    offset = pl.Series("offset", np.arange(rows.height))
    return rows.with_columns(offset, traceparent=pl.lit(None, pl.String))


def undisturbed(rows: pl.DataFrame, *, at_once: int = 10_000, product: str | None = None) -> list[DriftReport]:
    """Return the reports of one processor that takes all windows, so many at once."""
    watches = Watches(PLANT)
    watches.swap("pump", watch(product))
    processor = drift_stage(PLANT, WatchSettings(), watches).open({}, 0)
    return reports_of([processor.process("pump", part, 0) for part in numbered(rows).iter_slices(at_once)])


def reports_of(results: Iterable[Result]) -> list[DriftReport]:
    """Return what processors report."""
    rows = [row for result in results for emit in result.emits for row in emit.rows.iter_rows(named=True)]
    return [DriftReport.model_validate(row) for row in rows]
