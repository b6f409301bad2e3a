"""kill -9 under load, a broker that goes away: nothing is lost, and what is sent again is the same."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.producer import BatchProducer
from andon.stream.publish import partition_of
from andon.stream.topics import ensure_topics
from andon.uns import Stage
from sandbox.broker import EmbeddedBroker, embedded_broker
from tests.faults.processes import ASSETS, Running, Site, pump_frame, pumping_site, undisturbed
from tests.stream.bus import line

SERVICES = ("context", "feature", "inference", "alert")
OUTPUT = {
    "context": Stage.CONTEXT,
    "feature": Stage.FEATURE,
    "inference": Stage.INFERENCE,
    "alert": Stage.ALERT,
}


async def publish(site: Site, frames: list[dict[str, Any]], *, chunks: int, pause: float = 0.2) -> None:
    """Publish in chunks, so that there is always work while something is killed."""
    size = -(-len(frames) // chunks)
    async with publishing(site) as send:
        for start in range(0, len(frames), size):
            await send(frames[start : start + size])
            await asyncio.sleep(pause)  # the load's own pace, not a wait for something


@contextlib.asynccontextmanager
async def publishing(site: Site) -> AsyncIterator[Callable[[list[dict[str, Any]]], Awaitable[None]]]:
    """Give a way to publish frames that waits for a broker that is away, as the ingest service does."""
    producer = BatchProducer(site.kafka)
    await producer.start()

    async def send(frames: list[dict[str, Any]]) -> None:
        by_partition: dict[int, list[Line]] = {}
        for each in map(line, frames):
            by_partition.setdefault(partition_of(each.key, site.kafka.partitions), []).append(each)
        for number, lines in by_partition.items():
            await producer.deliver(site.topic(Stage.RAW), number, lines)

    try:
        yield send
    finally:
        await producer.stop()


def frames_of(seconds: int) -> list[dict[str, Any]]:
    return [pump_frame(asset, index) for index in range(seconds * 10) for asset in ASSETS]


async def assert_all_stages_equal_an_undisturbed_run(site: Site, frames: list[dict[str, Any]]) -> None:
    expected = undisturbed(site.plant, frames)
    for stage in OUTPUT.values():
        found = await site.until_ids(stage, set(expected[stage]))
        assert found.keys() == expected[stage].keys(), f"{stage}: ids that should not be there"
        if stage in (Stage.CONTEXT, Stage.FEATURE):  # quality marks and window values, bit by bit
            for name, event in found.items():
                assert {**event, "ingest_time": 0} == {**expected[stage][name], "ingest_time": 0}
    assert expected[Stage.ALERT]
    assert not await site.read(Stage.DEADLETTER)


async def test_any_service_killed_under_load_loses_nothing_and_repeats_identical_events(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        await ensure_topics(kafka, plant_site.plant)
        running = {name: await plant_site.start(name) for name in SERVICES}
        await asyncio.gather(*(each.ready() for each in running.values()))
        frames = frames_of(seconds=400)
        load = asyncio.create_task(publish(plant_site, frames, chunks=100))
        for name in SERVICES:
            await progress(plant_site, name)
            await running[name].kill()
            running[name] = await plant_site.start(name)
            await running[name].ready()
        await load
        await assert_all_stages_equal_an_undisturbed_run(plant_site, frames)


async def test_one_of_two_workers_killed_hands_its_partitions_to_the_other(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        await ensure_topics(kafka, plant_site.plant)
        both: list[Running] = []
        for name in ("feature", "context"):
            both = [await plant_site.start(name), await plant_site.start(name)]
            await asyncio.gather(*(each.ready() for each in both))
        for name in ("inference", "alert"):
            await (await plant_site.start(name)).ready()
        frames = frames_of(seconds=200)
        load = asyncio.create_task(publish(plant_site, frames, chunks=50))
        await progress(plant_site, "context")
        await both[0].kill()
        await load
        await assert_all_stages_equal_an_undisturbed_run(plant_site, frames)


async def progress(site: Site, service: str) -> None:
    """Return when the service has sent something new since the call."""
    before = len(await site.read(OUTPUT[service]))
    async with asyncio.timeout(60):
        while len(await site.read(OUTPUT[service])) <= before:
            await asyncio.sleep(0.05)


async def test_a_broker_away_for_20_seconds_is_waited_for(site: str, tmp_path: Path) -> None:
    if os.environ.get("ANDON_KAFKA__BOOTSTRAP_SERVERS"):
        pytest.skip("pauses the broker, which is only ours to pause when it is the embedded one")
    with embedded_broker(tmp_path / "broker.log") as broker:
        kafka = broker.settings()
        async with pumping_site(kafka, site, tmp_path) as plant_site:
            await ensure_topics(kafka, plant_site.plant)
            running = [await plant_site.start(name) for name in SERVICES]
            await asyncio.gather(*(each.ready() for each in running))
            frames = frames_of(seconds=100)
            load = asyncio.create_task(publish(plant_site, frames, chunks=20))
            await progress(plant_site, "feature")
            await pause(broker, seconds=20)
            await load
            await assert_all_stages_equal_an_undisturbed_run(plant_site, frames)
            assert all(each.process.returncode is None for each in running)


async def pause(broker: EmbeddedBroker, *, seconds: float) -> None:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)  # the fault itself
    finally:
        os.kill(broker.pid, signal.SIGCONT)


async def test_sigterm_delivers_commits_and_ends_with_code_0(kafka: KafkaSettings, site: str, tmp_path: Path) -> None:
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        await ensure_topics(kafka, plant_site.plant)
        context = await plant_site.start("context")
        await context.ready()
        frames = frames_of(seconds=10)
        await publish(plant_site, frames, chunks=1)
        assert await context.stop() == 0
        await (await plant_site.start("context")).ready()
        await plant_site.until_ids(Stage.CONTEXT, set(undisturbed(plant_site.plant, frames)[Stage.CONTEXT]))


WRONG = {
    "ANDON_KAFKA__BOOTSTRAP_SERVERS": "broker",
    "ANDON_RUNTIME__POLL_RECORDS": "many",
    "ANDON_TELEMETRY__LOG_LEVEL": "loud",
}


@pytest.mark.parametrize(
    ("given", "said"),
    [({"ANDON_PLANT": "/nowhere/plant.yaml"}, ("/nowhere/plant.yaml",)), (WRONG, tuple(WRONG))],
    ids=["plant", "variables"],
)
async def test_wrong_settings_end_a_service_with_code_2_and_it_says_which(
    given: dict[str, str],
    said: tuple[str, ...],
    kafka: KafkaSettings,
    site: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        wrong = plant_site.environment(0) | given
        monkeypatch.setattr(Site, "environment", lambda *_: wrong)
        service = await plant_site.start("context")
        assert await service.process.wait() == 2
    log = (tmp_path / "context-0.log").read_text()
    assert [each for each in said if each not in log] == []
