"""A plant with pumps, windows of them, and a model trained on those: made by the tests themselves."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.contracts import Context, FeatureVector
from andon.models import Bundle
from andon.plant import Plant
from andon.plant.columns import event_schema
from services.trainer.order import Order
from services.trainer.train import Trained, train_class

PLANT = Plant.model_validate(
    {
        "enterprise": "acme",
        "site": "north",
        "classes": {
            "pump": {
                "tags": {
                    "flow": {"limits": {"low": 5, "low_low": 2}},
                    "pressure": {"limits": {"high": 60}},
                    "power": {},
                },
                "features": {"window": "10s", "aggregates": ["mean", "std", "min", "max"]},
            },
            "fan": {"tags": {"speed": {"limits": {"high": 100}}}, "features": {"aggregates": ["mean"]}},
        },
        "assets": {"hall/pump-1": {"class": "pump"}, "hall/pump-2": {"class": "pump"}, "hall/fan": {"class": "fan"}},
    }
)
PUMP = PLANT.classes["pump"]
DEFINITION = PUMP.feature_definition
NAMES = DEFINITION.feature_names
_SCHEMA = event_schema(FeatureVector, PUMP)
_CONTEXT = Context(order="4711", product="water").model_dump()


def normal(count: int, *, seed: int = 1) -> NDArray[np.float64]:
    """Return the features of *count* windows: flow, pressure and power follow one load, each with its own noise."""
    random = np.random.default_rng(seed)
    load = random.normal(size=count)
    tags = []
    for centre, slope in ((20.0, 2.0), (40.0, 3.0), (1_000.0, 50.0)):
        mean = centre + slope * load + slope * 0.2 * random.normal(size=count)
        spread = slope * random.uniform(0.5, 1.5, size=count)
        tags += [mean, spread, mean - 2 * spread, mean + 2 * spread]
    return np.array(tags).T


def vectors(features: NDArray[np.float64], *, asset: str = "hall/pump-1") -> pl.DataFrame:
    """Return feature vectors of consecutive windows, as the inference stage receives them; NaN becomes null."""
    count = len(features)
    start = np.arange(count) * DEFINITION.window
    columns = {
        "asset": pl.Series([asset]).new_from_index(0, count),
        "time": start + DEFINITION.window,
        "ingest_time": start + DEFINITION.window + 250_000,
        "origin": pl.Series(["live"]).new_from_index(0, count),
        "revision": np.zeros(count, dtype=np.int64),
        "definition": pl.Series([DEFINITION.hash]).new_from_index(0, count),
        "start": start,
        "good_ratio": np.ones(count),
        "features": pl.DataFrame(features, schema=NAMES, orient="row", nan_to_null=True).to_struct(),
        "context": pl.Series([_CONTEXT], dtype=_SCHEMA["context"]).new_from_index(0, count),
        "offset": np.arange(count) + 100,
        "traceparent": pl.Series([None], dtype=pl.String).new_from_index(0, count),
    }
    return pl.DataFrame(columns)


def order() -> Order:
    """Return the order for the pumps' model."""
    return Order(
        name="pump",
        class_name="pump",
        asset_class=PUMP,
        plant=PLANT.version,
        purpose="Does the pump run as usual?",
        owner="maintenance",
        data="made by a test",
    )


@cache
def trained() -> Trained:
    """Return the pumps' model."""
    return train_class(vectors(normal(400)), order())


@cache
def bundle() -> Bundle:
    """Return the pumps' model, sealed."""
    return trained().seal(1_700_000_000_000_000)
