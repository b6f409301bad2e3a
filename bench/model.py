"""The model that the benches' inference service runs: trained by the trainer on some minutes of normal noise."""

from __future__ import annotations

from pathlib import Path

from andon.clock import wall_clock
from andon.models import save_bundle
from andon.plant import Plant
from bench.frames import CLASS, MACHINES, frames
from services.trainer.dataset import offline_vectors
from services.trainer.order import Order
from services.trainer.train import train_class

_WINDOWS = 100
#: Values of features that a model learns from, at most: with thousands of features it would learn for minutes.
_VALUES = 1_000_000


def served_from(folder: Path) -> dict[str, str]:
    """Return the environment of an inference service that serves the bundles in *folder*, which nobody has signed."""
    return {"ANDON_INFERENCE__BUNDLES": str(folder), "ANDON_MODELS__UNSIGNED": "allow"}


def train_model(plant: Plant, folder: Path) -> None:
    """Train a model of the benches' machines, on a hundred windows each of 4 to 32 of them, and save its bundle."""
    asset_class = plant.classes[CLASS]
    features = len(asset_class.feature_definition.features)
    order = Order(
        name=CLASS,
        class_name=CLASS,
        asset_class=asset_class,
        plant=plant.version,
        purpose="to be measured",
        owner="nobody",
        data="normal noise",
    )
    machines = min(MACHINES, len(plant.assets), max(4, _VALUES // _WINDOWS // features))
    per_window = asset_class.features.window // asset_class.scan
    normal = frames(plant, 0, machines * per_window * _WINDOWS, machines=machines)
    trained = train_class(offline_vectors(normal, asset_class), order)
    save_bundle(trained.seal(wall_clock()), folder)
