"""A pump that draws too much power for a minute, the model that sees it, and `andon why`, which is asked about it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from typer.testing import CliRunner, Result

from andon.cli import app
from andon.models import Bundle
from andon.plant import Plant
from andon.recordings import Mapping as RecordingMapping
from andon.settings import KafkaSettings
from andon.uns import Stage
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.inference.processor import inference_stage
from services.inference.settings import InferenceSettings
from services.trainer.dataset import train_recording
from tests.stream.bus import SECOND, T0, line, reading, send, settings, site_ready, stage_topic, working

ASSET = "hall/pump"
MAPPING = {
    "files": "*.parquet",
    "format": "parquet",
    "time": {"column": "time", "format": "epoch_us"},
    "assets": [{"asset": ASSET, "columns": {"flow": "flow", "power": "power"}}],
}


def plant_file(folder: Path, site: str) -> Path:
    """Write a plant whose pump's power is measured in watts and may be stuck, so that raw data is not the model's."""
    power = {"unit": "kW", "source_unit": "W", "stuck_after": "5s", "deadband": 0.0001}
    extra = {
        "ewma": [{"tags": ["power"], "half_life": "5s"}],
        "context": [{"field": "machine_state", "values": ["running"]}],
    }
    content = {
        "enterprise": "acme",
        "site": site,
        "classes": {
            "pump": {
                "tags": {"flow": {"unit": "m^3/h", "max_rate": 100}, "power": power},
                "machine_states": [{"state": "running", "when": {"flow": {"above": 1}}}],
                "features": {
                    "window": "10s",
                    "hop": "5s",
                    "lateness": "1s",
                    "aggregates": ["mean", "std", "max"],
                    "extra": extra,
                },
            }
        },
        "assets": {ASSET: {"class": "pump"}, "hall/spare": {"class": "pump"}},
    }
    file = folder / "plant.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def samples(count: int, *, seed: int, raised: float = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    load = np.repeat(random.normal(size=count // 10 + 1), 10)[:count]
    return pl.DataFrame(
        {
            "time": T0 + np.arange(count) * SECOND,
            "flow": 50 + 5 * load + random.normal(size=count),
            "power": 1_000 * (10 + load + 0.2 * random.normal(size=count) + raised),
        }
    )


def frames(rows: pl.DataFrame, asset: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{asset}@{row['time']}:raw:1",
            "asset": asset,
            "time": row["time"],
            "ingest_time": row["time"] + 20_000,
            "origin": "backfill",
            "session": "press-7",
            "sequence": index,
            "values": {"flow": row["flow"], "power": row["power"]},
        }
        for index, row in enumerate(rows.iter_rows(named=True))
    ]


def trained(plant: Plant, folder: Path) -> Path:
    """Train the pumps' model on twenty normal minutes and return the folder of bundles."""
    recording, bundles = folder / "recording", folder / "bundles"
    recording.mkdir()
    samples(1_200, seed=1).write_parquet(recording / "normal.parquet")
    train_recording(plant, recording, RecordingMapping.model_validate(MAPPING), bundles)
    return bundles


async def run_chain(kafka: KafkaSettings, plant: Plant, bundles: Mapping[str, Bundle]) -> list[Any]:
    """Send a minute in which the pump draws too much power through all services; return the alerts' records."""
    chosen = settings(kafka)
    stages = (
        context_stage(plant, ContextSettings()),
        feature_stage(plant),
        inference_stage(plant, bundles, InferenceSettings()),
        alert_stage(plant, AlertSettings()),
    )
    await site_ready(kafka, plant)
    async with contextlib.AsyncExitStack() as stack:
        for stage in stages:
            await stack.enter_async_context(working(stage, plant, chosen))
        alerts = await stack.enter_async_context(reading(kafka, stage_topic(plant, Stage.ALERT)))
        mixed = [*frames(samples(60, seed=2, raised=9), ASSET), *frames(samples(60, seed=3), "hall/spare")]
        ordered = sorted(mixed, key=lambda frame: frame["time"])
        await send(kafka, stage_topic(plant, Stage.RAW), [line(frame) for frame in ordered])
        return await alerts.until(lambda records: len(records) > 0)


async def why(kafka: KafkaSettings, plant: Path, *arguments: str, **environment: str) -> Result:
    """Run `andon why`."""
    servers = {"ANDON_PLANT": str(plant), "ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    return await asyncio.to_thread(CliRunner(env=servers | environment).invoke, app, ["why", *arguments])
