"""The parity service and command against a real broker: what is right passes, one wrong value is found and counted."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from andon.contracts.headers import LINEAGE_HEADER
from andon.parity.cli import app
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.telemetry import Metrics
from andon.uns import Stage
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.parity.sample import affordable
from services.parity.service import ParityService
from services.parity.settings import ParitySettings
from tests.stream.bus import at_work, frame, line, reading, send, settings, site_ready, stage_topic, working

ASSETS = ("line/pump-0", "line/pump-1")


def plant_of(folder: Path, site: str) -> Plant:
    """Return a plant whose file is in *folder*: two pumps, vectors of ten seconds with features of several kinds."""
    extra = {
        "correlation": [{"tags": ["flow", "power"]}],
        "ewma": [{"tags": ["flow"], "half_life": "3s"}],
        "spectral_centroid": [{"tags": ["power"], "rate_hz": 1}],
        "time_in_state": [{"tags": ["running"], "states": ["true"], "hold": "2s"}],
    }
    tags = {"flow": {"unit": "m**3/h"}, "power": {"unit": "kW"}, "running": {"kind": "boolean"}}
    document = {
        "enterprise": "acme",
        "site": site,
        "classes": {
            "pump": {"tags": tags, "features": {"window": "10s", "hop": "5s", "lateness": "1s", "extra": extra}}
        },
        "assets": {asset: {"class": "pump"} for asset in ASSETS},
    }
    file = folder / "plant.yaml"
    file.write_text(orjson.dumps(document).decode())  # JSON is YAML
    return load_plant(file)


def raw(first: int, count: int) -> list[Line]:
    return [
        line(
            frame(
                asset,
                index,
                origin="backfill",
                values={"flow": index * 1.1 % 7, "power": index**2 % 13, "running": index % 3 > 0},
            )
        )
        for index in range(first, first + count)
        for asset in ASSETS
    ]


async def vectors(kafka: KafkaSettings, plant: Plant, count: int) -> list[Any]:
    """Wait for as many vectors, and return their records."""
    async with reading(kafka, stage_topic(plant, Stage.FEATURE)) as features:
        return await features.until(lambda records: len(records) >= count)


async def forge(kafka: KafkaSettings, plant: Plant, record: Any) -> str:
    """Send a vector once more, with another mean flow; return its id."""
    event = orjson.loads(record.value)
    event["features"]["flow_mean"] += 1e-9
    forged = Line(record.key, orjson.dumps(event), list(record.headers))
    await send(kafka, stage_topic(plant, Stage.FEATURE), [forged])
    return str(event["id"])


def counted(metrics: Metrics, name: str) -> float:
    found = re.findall(rf"^andon_parity_{name}{{[^}}]*}} (\S+)$", metrics.exposition().decode(), re.MULTILINE)
    return sum(map(float, found))


async def until_counted(metrics: Metrics, name: str, amount: float) -> None:
    async with asyncio.timeout(30):
        while counted(metrics, name) < amount:
            await asyncio.sleep(0.05)


def check(kafka: KafkaSettings, folder: Path, *arguments: str) -> Result:
    environment = {"ANDON_PLANT": str(folder / "plant.yaml"), "ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers}
    return CliRunner(env={**environment, "COLUMNS": "200"}).invoke(app, ["check", *arguments])


async def test_what_is_sent_is_checked_and_a_wrong_value_is_counted(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    plant, metrics = plant_of(tmp_path, site), Metrics("parity")
    definition = plant.classes["pump"].feature_definition.hash
    await site_ready(kafka, plant)
    chosen, rules = settings(kafka), ParitySettings.model_validate({"every": "100ms"})
    service = ParityService(plant, kafka, rules, metrics)
    stages = context_stage(plant, ContextSettings()), feature_stage(plant)
    async with working(stages[0], plant, chosen), working(stages[1], plant, chosen), at_work(service.run):
        assert (
            f'andon_parity_mismatches_total{{asset_class="pump",definition="{definition}"'
            in metrics.exposition().decode()
        )
        while not service.ready:
            await asyncio.sleep(0.05)
        await send(kafka, stage_topic(plant, Stage.RAW), raw(0, 60))
        records = await vectors(kafka, plant, 22)
        await until_counted(metrics, "checked_total", 22)
        assert counted(metrics, "mismatches_total") == counted(metrics, "largest_relative_error") == 0
        result = await asyncio.to_thread(check, kafka, tmp_path, "--from", "1h")
        assert (result.exit_code, result.exception) == (0, None), result.output
        name = await forge(kafka, plant, records[3])
        await until_counted(metrics, "mismatches_total", 1)
        assert 0 < counted(metrics, "largest_relative_error") < 1e-8
        await send(kafka, stage_topic(plant, Stage.FEATURE), [line(b"no vector", key=ASSETS[0])])
        await until_counted(metrics, "skipped_total", 1)
        assert counted(metrics, "checked_total") == 23
    result = await asyncio.to_thread(check, kafka, tmp_path)
    assert result.exit_code == 1
    assert f"{name}: flow_mean was" in result.output
    assert (await asyncio.to_thread(check, kafka, tmp_path, "--tolerance", "1e-6")).exit_code == 0


async def test_the_command_says_when_there_is_nothing_to_check(kafka: KafkaSettings, site: str, tmp_path: Path) -> None:
    plant = plant_of(tmp_path, site)
    result = await asyncio.to_thread(check, kafka, tmp_path)
    assert "there is no topic" in str(result.exception)
    await site_ready(kafka, plant)
    result = await asyncio.to_thread(check, kafka, tmp_path)
    assert "No vectors of this plant model's definitions" in result.output
    assert "'soon' is no duration" in str((await asyncio.to_thread(check, kafka, tmp_path, "--from", "soon")).exception)


def made_of(first: int, last: int) -> Any:
    header = (LINEAGE_HEADER, f"uns.v1.acme.north.context/0@{first}-{last}".encode())
    return type("Made", (), {"offset": 0, "key": b"", "value": b"", "headers": [header]})()


@pytest.mark.parametrize(("budget", "taken"), [(10, 0), (20, 1), (35, 3), (1_000, 4)])
def test_the_newest_vectors_are_taken_for_as_many_records_as_may_be_read(budget: int, taken: int) -> None:
    records = [made_of(0, 9), made_of(100, 110), made_of(105, 120), made_of(115, 130)]
    assert affordable(records, budget) == records[len(records) - taken :]
