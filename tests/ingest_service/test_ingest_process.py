"""The ingest service as a process: a real OPC UA server on one side, a real broker on the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.reading import read_to_end
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from sandbox.broker import EmbeddedBroker, free_port
from tests.opcua.plc import Plc, running_plc
from tests.opcua.plc_server import NAMESPACE
from tests.outlet.cable import Cable
from tests.stream.bus import send

ASSETS = ("line/pump-1", "line/pump-2")
TAGS = ("flow", "power")
NODES = [f"{asset}.{tag}" for asset in ASSETS for tag in TAGS]


def plant(site: str) -> dict[str, Any]:
    return {
        "enterprise": "acme",
        "site": site,
        "classes": {"pump": {"scan": "400ms", "tags": {tag: {} for tag in TAGS}}},
        "assets": {asset: {"class": "pump"} for asset in ASSETS},
    }


def source(url: str, name: str = "plc", **other: Any) -> dict[str, Any]:
    nodes = [
        {"node": f"nsu={NAMESPACE};s={asset}.{tag}", "asset": asset, "tag": tag} for asset in ASSETS for tag in TAGS
    ]
    return {
        "name": name,
        "kind": "opcua",
        "url": url,
        "security": {"policy": "None"},
        "publishing": "50ms",
        "sampling": "0s",
        "keepalive": "300ms",
        "timeout": "2s",
        "queue": 100,
        "select": {"nodes": nodes},
    } | other


@dataclass
class Ingest:
    """The service's process, and the broker behind it."""

    kafka: KafkaSettings
    plant: Plant
    process: asyncio.subprocess.Process
    port: int
    log: Path

    async def frames(self, *stages: Stage) -> list[dict[str, Any]]:
        return [frame for stage in stages or (Stage.RAW,) for frame in await self.read(stage)]

    async def read(self, stage: Stage) -> list[dict[str, Any]]:
        topic = topic_name(self.plant, stage)
        return [
            orjson.loads(record.value) async for record in read_to_end(self.kafka, topic, range(self.kafka.partitions))
        ]

    async def values(self, asset: str, tag: str, *stages: Stage) -> list[Any]:
        found = [frame["values"].get(tag) for frame in await self.frames(*stages) if frame["asset"] == asset]
        return [value for value in found if value is not None]

    async def metric(self, name: str) -> float | None:
        with contextlib.suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{self.port}/metrics") as answer,
            ):
                for line in (await answer.text()).splitlines():
                    if line.startswith(name):
                        return float(line.rsplit(" ", 1)[1])
        return None

    async def until(self, holds: Any, timeout: float = 30) -> None:  # noqa: ASYNC109
        """Wait until an async question has a true answer; the log tells why it never had."""
        try:
            async with asyncio.timeout(timeout):
                while not await holds():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(self.log.read_text()[-3_000:]) from None

    async def watched(self, count: int = len(NODES)) -> None:
        """Wait until the server watches all items for it."""

        async def all_of_them() -> bool:
            return await self.metric("andon_source_items{") == count

        await self.until(all_of_them)

    async def stop(self) -> int:
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 30)


@contextlib.asynccontextmanager
async def ingesting(
    kafka: KafkaSettings, site: str, folder: Path, *sources: dict[str, Any], **settings: str
) -> AsyncIterator[Ingest]:
    """Run the service until the end of the block."""
    (folder / "plant.yaml").write_text(yaml.safe_dump(plant(site)))
    (folder / "sources.yaml").write_text(yaml.safe_dump({"sources": list(sources)}))
    port, log = free_port(), folder / "ingest.log"
    environment = {
        "ANDON_PLANT": str(folder / "plant.yaml"),
        "ANDON_INGEST__SOURCES": str(folder / "sources.yaml"),
        "ANDON_INGEST__SPOOL__DIRECTORY": str(folder / "spool"),
        "ANDON_INGEST__SPOOL__PATIENCE": "500ms",
        "ANDON_INGEST__SPOOL__DRAIN_FLOOR": "100000",
        "ANDON_TELEMETRY__PORT": str(port),
        "ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "ANDON_KAFKA__IDEMPOTENT": str(kafka.idempotent),
        "ANDON_KAFKA__PARTITIONS": str(kafka.partitions),
        "ANDON_KAFKA__REQUEST_TIMEOUT": "2s",
    }
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.ingest"),
            env={**os.environ, **environment, **settings},
            stdout=out,
            stderr=out,
        )
    try:
        yield Ingest(kafka, Plant.model_validate(plant(site)), process, port, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def plc() -> Any:
    with running_plc("--names", ",".join(NODES)) as running:
        yield running


def write(plc: Plc, value: float, at: int | None = None) -> None:
    """Write a value to all nodes, with one source time."""
    moment = at or time.time_ns() // 1_000
    plc.write(*((node, value, 0, moment) for node in NODES))


async def test_values_become_frames_and_a_stop_leaves_none_behind(
    kafka: KafkaSettings, site: str, tmp_path: Path, plc: Plc
) -> None:
    async with ingesting(kafka, site, tmp_path, source(plc.url)) as ingest:
        await ingest.watched()
        for number in range(1, 11):
            write(plc, float(number))

        async def last_is_there() -> bool:
            return 10.0 in await ingest.values(ASSETS[1], "power")

        await ingest.until(last_is_there)
        plc.write((NODES[0], 99.0, 0x40920000))  # the other signals do not come, so this waits for its frame
        await asyncio.sleep(0.1)
        assert await ingest.stop() == 0
        frames = await ingest.frames()
        assert set(map(float, range(1, 11))) <= set(await ingest.values(ASSETS[0], "flow"))
        (uncertain,) = [frame for frame in frames if frame["values"]["flow"] == 99.0]
        assert uncertain["status"]["flow"] == 0x40920000
        for asset in ASSETS:
            own = sorted((frame for frame in frames if frame["asset"] == asset), key=lambda frame: frame["sequence"])
            assert [frame["sequence"] for frame in own] == list(range(len(own)))
            assert len({frame["id"] for frame in own}) == len(own)
            assert {frame["origin"] for frame in own} == {"live"}


async def test_a_silent_machine_is_told_once_and_again_when_it_is_back_but_not_in_a_planned_stop(
    kafka: KafkaSettings, site: str, tmp_path: Path, plc: Plc
) -> None:
    model = Plant.model_validate(plant(site))
    await ensure_topics(kafka, model)
    stop = PlantEvent(id="stop-1", time=1, asset=ASSETS[1], kind="machine_state", name="planned_stop")
    await send(kafka, topic_name(model, Stage.EVENT), [Line(ASSETS[1].encode(), stop.model_dump_json().encode(), [])])
    async with ingesting(kafka, site, tmp_path, source(plc.url)) as ingest:
        await ingest.watched()
        write(plc, 1.0)
        plc.pause()
        begun = time.monotonic()

        async def told(kind: str) -> bool:
            return any(event["kind"] == kind for event in await ingest.read(Stage.EVENT))

        await ingest.until(lambda: told("source_silent"))
        assert time.monotonic() - begun < 3 * 0.4 + 3  # three intervals, and what the reading here takes
        plc.go_on()
        write(plc, 2.0)
        await ingest.until(lambda: told("source_back"))
        events = [event for event in await ingest.read(Stage.EVENT) if event["kind"].startswith("source_")]
        assert {event["asset"] for event in events} == {ASSETS[0]}


async def test_while_kafka_is_away_frames_wait_on_disk_and_all_of_them_arrive(
    site: str, tmp_path: Path, plc: Plc
) -> None:
    broker = EmbeddedBroker(tmp_path / "broker.log", advertised_port=free_port())
    broker.start()
    cable = Cable(broker.advertised_port, broker.port)
    try:
        await cable.plug()
        kafka = broker.settings()
        async with ingesting(kafka, site, tmp_path, source(plc.url)) as ingest:
            await ingest.watched()
            for number in range(1, 61):
                if number == 20:
                    await cable.pull()
                if number == 45:
                    await cable.plug()
                write(plc, float(number))
                await asyncio.sleep(0.1)

            async def drained() -> bool:
                there = await ingest.values(ASSETS[0], "flow", Stage.RAW, Stage.BACKFILL)
                return set(map(float, range(1, 61))) <= set(there)

            await ingest.until(drained)
            assert await ingest.metric("andon_spool_dropped_total") == 0
            history = await ingest.frames(Stage.BACKFILL)
            assert history
            assert {frame["origin"] for frame in history} == {"backfill"}
            assert await ingest.stop() == 0
    finally:
        await cable.pull()
        broker.stop()


async def test_a_server_that_is_not_there_keeps_no_other_from_being_read(
    kafka: KafkaSettings, site: str, tmp_path: Path, plc: Plc
) -> None:
    nowhere = f"opc.tcp://127.0.0.1:{free_port()}/plc"
    async with ingesting(kafka, site, tmp_path, source(nowhere, "lost"), source(plc.url)) as ingest:

        async def connected() -> bool:
            return await ingest.metric('andon_source_connected{service="ingest",source="plc"}') == 1

        await ingest.until(connected)
        write(plc, 5.0)

        async def there() -> bool:
            return 5.0 in await ingest.values(ASSETS[0], "flow")

        await ingest.until(there)
        assert await ingest.metric('andon_source_connected{service="ingest",source="lost"}') == 0
        assert "no server there" in ingest.log.read_text()


@pytest.mark.parametrize(("policy", "letters"), [("refuse", 4), ("arrival", 0)])
async def test_times_from_the_future_are_refused_or_replaced_as_configured(
    kafka: KafkaSettings, site: str, tmp_path: Path, plc: Plc, policy: str, letters: int
) -> None:
    async with ingesting(kafka, site, tmp_path, source(plc.url), ANDON_INGEST__FUTURE=policy) as ingest:
        await ingest.watched()
        write(plc, 7.0, time.time_ns() // 1_000 + 3_600_000_000)
        write(plc, 8.0)

        async def there() -> bool:
            return 8.0 in await ingest.values(ASSETS[1], "power")

        await ingest.until(there)
        refused = [letter for letter in await ingest.read(Stage.DEADLETTER) if letter["reason"] == "future_time"]
        assert len(refused) == letters
        assert (7.0 in await ingest.values(ASSETS[0], "flow")) is (policy == "arrival")
        if refused:
            assert refused[0]["partition"] is None
            assert refused[0]["topic"].startswith("plc:line/pump-")


async def test_a_wrong_sources_file_ends_the_service_with_file_and_line(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    async with ingesting(kafka, site, tmp_path, source("http://plc")) as ingest:
        assert await asyncio.wait_for(ingest.process.wait(), 30) == 2
        said = ingest.log.read_text()
        assert "sources.yaml:" in said
        assert "is no address of an OPC UA server" in said
        assert "Traceback" not in said
