"""The whole drift service as processes on a real broker: killed, or one of two; nothing is lost or told differently."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from andon.errors import ConfigError
from andon.plant import Plant
from andon.settings import KafkaSettings, TelemetrySettings
from andon.stream.publish import publishing
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from services.drift.__main__ import run
from services.drift.settings import DriftSettings
from tests.drift.pumps import PLANT_FILE, bundles, everything, undisturbed
from tests.faults.processes import Running, Site, distinct, ending

COUNT = 160
_CHUNK = 16


@contextlib.asynccontextmanager
async def drift_site(kafka: KafkaSettings, site: str, folder: Path) -> AsyncIterator[Site]:
    """A site with a model of its pumps, whose processes all end with the block."""
    plant_file = folder / "plant.yaml"
    plant_file.write_text(yaml.safe_dump(PLANT_FILE | {"site": site}, sort_keys=False))
    made = Site(Plant.model_validate(PLANT_FILE | {"site": site}), plant_file, kafka, bundles(folder / "bundles"))
    made.extra = {"ANDON_DRIFT__BUNDLES": str(made.bundles), "ANDON_DRIFT__SNAPSHOT_EVERY": "1s"}
    await ensure_topics(kafka, made.plant)
    async with ending(made):
        yield made


async def play(site: Site, disturb: Callable[[], Awaitable[None]]) -> dict[str, dict[str, Any]]:
    """Send all windows in chunks, *disturb* in the middle, and return the reports that should come, by id."""
    rows = everything(COUNT)
    async with publishing(site.kafka, topic_name(site.plant, Stage.FEATURE)) as feed:
        chunks = list(rows.iter_slices(rows.height // _CHUNK))
        for number, chunk in enumerate(chunks):
            await feed.publish(chunk)
            await asyncio.sleep(0.1)  # the load's own pace, not a wait for something
            if number == len(chunks) * 13 // 16:  # the faults have begun, and are not told in full
                await disturb()
    expected = {report.id: report.model_dump(mode="json") for report in undisturbed(rows)}
    return {name: {**report, "definition": report["definition"]} for name, report in expected.items()}


async def assert_told(site: Site, expected: dict[str, dict[str, Any]]) -> None:
    found = await site.until_ids(Stage.DRIFT, set(expected))
    assert found == expected
    assert not await site.read(Stage.DEADLETTER)


async def test_killed_in_the_middle_it_tells_the_same_under_the_same_ids(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with drift_site(kafka, site, tmp_path) as place:
        running: list[Running] = [await place.start("drift")]
        await running[0].ready()

        async def kill() -> None:
            await told(place, 5)
            await running[0].kill()
            running.append(await place.start("drift"))

        await assert_told(place, await play(place, kill))
        assert await running[-1].stop() == 0


async def test_one_of_two_workers_killed_hands_its_machines_to_the_other(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with drift_site(kafka, site, tmp_path) as place:
        both = [await place.start("drift"), await place.start("drift")]
        await asyncio.gather(*(each.ready() for each in both))

        async def kill() -> None:
            await told(place, 5)
            await both[0].kill()

        await assert_told(place, await play(place, kill))


async def told(site: Site, count: int) -> None:
    """Return when so many reports are on the topic."""
    async with asyncio.timeout(60):
        while len(distinct(await site.read(Stage.DRIFT))) < count:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("models", "words"), [({}, "ANDON_MODELS__TRUST is not set"), ({"unsigned": "allow"}, "correct the path")]
)
async def test_the_service_does_not_start_without_models_to_trust(
    kafka: KafkaSettings, site: str, tmp_path: Path, models: dict[str, Any], words: str
) -> None:
    settings = DriftSettings.model_validate(
        {
            "kafka": kafka,
            "telemetry": TelemetrySettings(host="127.0.0.1", port=0),
            "drift": {"bundles": tmp_path / "nowhere"},
            "models": models,
        }
    )
    with pytest.raises(ConfigError, match=words):
        await run(Plant.model_validate(PLANT_FILE | {"site": site}), settings, Metrics("drift"), asyncio.Event())
