"""`andon why`: every link of the chain is found on a real broker, and the score comes out again from the raw frames."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

from andon.cli import app
from andon.contracts.headers import LINEAGE_HEADER
from andon.errors import ConfigError
from andon.lineage import Place, parse_id, parse_lineage
from andon.lineage.walk import Walk
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.recordings import Mapping
from andon.settings import KafkaSettings
from andon.uns import Stage
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.inference.loading import load_bundles
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
    train_recording(plant, recording, Mapping.model_validate(MAPPING), bundles)
    return bundles


async def run_chain(kafka: KafkaSettings, plant: Plant, bundles: Path) -> list[Any]:
    """Send a minute in which the pump draws too much power through all services; return the alerts' records."""
    chosen = settings(kafka)
    stages = (
        context_stage(plant, ContextSettings()),
        feature_stage(plant, chosen),
        inference_stage(plant, load_bundles(bundles, plant.classes, None).bundles, InferenceSettings()),
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


async def why(monkeypatch: pytest.MonkeyPatch, kafka: KafkaSettings, plant: Path, *arguments: str) -> Result:
    monkeypatch.setenv("ANDON_PLANT", str(plant))
    monkeypatch.setenv("ANDON_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, ["why", *arguments]))


async def test_an_alert_is_walked_back_to_its_raw_frames_and_its_score_is_computed_again(
    kafka: KafkaSettings, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = plant_file(tmp_path, site)
    plant = load_plant(file)
    bundles = trained(plant, tmp_path)
    (bundle,) = (bundles / "pump").iterdir()
    (alert, *_) = await run_chain(kafka, plant, bundles)
    name = orjson.loads(alert.value)["alert"]

    chain = await Walk(kafka, plant).back_from(name)
    assert chain.gaps == []
    assert chain.feature is not None
    start, end = chain.feature.event["start"], chain.feature.event["time"]
    times = [frame["time"] for frame in frames(samples(60, seed=2, raised=9), ASSET) if start <= frame["time"] < end]
    assert [link.event["time"] for link in chain.context] == times
    assert [link.event["id"] for link in chain.raw] == [f"{ASSET}@{time}:raw:1" for time in times]

    shown = await why(monkeypatch, kafka, file, name, "--replay", "--bundle", str(bundle))
    assert shown.exit_code == 0, shown.output
    for expected in (name, "by model pump", "power_mean", "of 10 frames", "session press-7", "features agree"):
        assert expected in shown.output
    assert f"raw {len(times)} frames at {chain.raw[0].place.topic}" in shown.output
    for link in (chain.inference, chain.feature):
        assert link is not None
        assert (await why(monkeypatch, kafka, file, link.event["id"])).exit_code == 0

    # A plant model in which power is kilowatts all along: the frames are no longer what the model saw.
    file.write_text(file.read_text().replace("source_unit: W", "source_unit: kW"))
    other = await why(monkeypatch, kafka, file, name, "--replay")
    assert other.exit_code == 1
    assert "give the former file" in other.output


@pytest.mark.parametrize("name", ["pump", f"{ASSET}@x:alert", f"{ASSET}@1:raw:1", "@1:alert", ""])
def test_what_is_no_decision_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no id of a decision"):
        parse_id(name)


async def test_an_unknown_decision_says_where_it_was_sought(kafka: KafkaSettings, site: str, tmp_path: Path) -> None:
    plant = load_plant(plant_file(tmp_path, site))
    with pytest.raises(ConfigError, match="there is no topic"):
        await Walk(kafka, plant).back_from(f"{ASSET}@1:inference:1")
    await site_ready(kafka, plant)
    with pytest.raises(ConfigError, match="misspelt, or older than the topic keeps"):
        await Walk(kafka, plant).back_from(f"{ASSET}@1:inference:1")


def test_lineage_headers_are_read_as_they_are_written() -> None:
    assert parse_lineage("uns.v1.acme.north.raw/3@7-9") == Place("uns.v1.acme.north.raw", 3, 7, 9)
    assert parse_lineage(LINEAGE_HEADER) is None
    assert str(Place("t", 1, 5, 5)) == "t/1@5"
