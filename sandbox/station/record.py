"""Writes a simulation as a recording: a folder that can be replayed, with the ground truth beside the data."""

from __future__ import annotations

from pathlib import Path

import yaml

from sandbox.station.sensors import SENSORS
from sandbox.station.simulate import Simulation

DATA = "frames.parquet"
MAPPING = "mapping.yaml"
LABELS = "labels.parquet"


def write_recording(simulation: Simulation, folder: Path) -> None:
    """Write a recording: `frames.parquet`, the `mapping.yaml` that says how to read it, and `labels.parquet`.

    No label is inside the data, so nothing that learns from a recording can see one.

    Args:
        simulation: all of it, or its `training` or `live` part.
        folder: made if it is not there; files in it are overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    simulation.frames.write_parquet(folder / DATA)
    simulation.labels.write_parquet(folder / LABELS)
    (folder / MAPPING).write_text(yaml.safe_dump(_mapping(), sort_keys=False), encoding="utf-8")


def _mapping() -> dict[str, object]:
    return {
        "files": DATA,
        "format": "parquet",
        "time": {"column": "time", "format": "epoch_us"},
        "assets": [{"asset": "{asset}", "columns": {tag: tag for tag in SENSORS}}],
    }
