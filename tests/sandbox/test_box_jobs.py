"""The jobs of compose.yaml: what they make lets a registry run, reached by its name, and puts a model to work."""

from __future__ import annotations

import asyncio
from pathlib import Path

from andon.plant.load import load_plant
from andon.recordings import load_mapping
from andon.recordings.recording import open_recording
from andon.registry.client import connected
from andon.registry.v1 import registry_pb2 as pb
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings
from andon.telemetry import Metrics
from sandbox.box import prepare, promote
from sandbox.broker import free_port
from sandbox.registry import RegistrySite
from services.registry.__main__ import run
from services.registry.settings import ServiceSettings
from tests.models.sample import PLANT
from tests.registry.desk import answered, model, saved, server_settings
from tests.stream.bus import at_work

PUMPS = Path(__file__).parents[2] / "examples" / "pumps" / "plant.yaml"


def keys(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "site").rglob("*.key")}


async def test_what_the_jobs_make_takes_a_model_to_production(database: DatabaseSettings, tmp_path: Path) -> None:
    port = free_port()
    await asyncio.to_thread(prepare, tmp_path, "localhost", port)
    made = keys(tmp_path)
    recording = tmp_path / "station" / "live"
    open_recording(recording, load_mapping(recording / "mapping.yaml"), load_plant(PUMPS))  # which refuses what is none
    site = RegistrySite(tmp_path / "site", port, "localhost")
    settings = ServiceSettings(
        kafka=KafkaSettings(),
        database=database,
        telemetry=TelemetrySettings(host="127.0.0.1", port=0),
        registry=server_settings(site, announce=False),
    )
    saved(model(1), tmp_path)
    async with at_work(lambda stop: run(PLANT, settings, Metrics("registry"), stop)):
        async with connected(site.client("clara")) as client:
            await answered(client)
        for _ in range(2):  # again, as after `docker compose up` was called twice
            await asyncio.to_thread(prepare, tmp_path, "localhost", port)
            await asyncio.to_thread(promote, tmp_path, "localhost", port)
        async with connected(site.client("drift")) as client:
            assignments = (await client.list()).assignments
    assert [each.model.name for each in assignments if each.alias == pb.ALIAS_PRODUCTION] == ["pump"]
    assert keys(tmp_path) == made
