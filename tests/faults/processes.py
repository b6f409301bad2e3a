"""Services as real processes on a broker of their own, to be killed, paused and compared with an undisturbed run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import polars as pl
import yaml

from andon.contracts import CATALOGUE
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream import Result, StageSpec
from andon.stream.codec import Decoder, encode
from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from sandbox.broker import free_port
from services.alert.processor import alert_stage
from services.alert.settings import AlertSettings
from services.context.processor import context_stage
from services.context.settings import ContextSettings
from services.feature.processor import feature_stage
from services.inference.processor import inference_stage
from services.inference.settings import InferenceSettings

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
ASSETS = tuple(f"line/pump-{number}" for number in range(8))


def pumping_plant(site: str) -> dict[str, Any]:
    """Pumps whose flow above 900 alerts without a model; 1 s windows of ten frames."""
    return {
        "enterprise": "acme",
        "site": site,
        "classes": {
            "pump": {
                "scan": "100ms",
                "tags": {
                    "flow": {"unit": "m^3/h", "range": [0, 1000], "max_rate": 5000, "limits": {"high": 900}},
                    "power": {"unit": "kW", "stuck_after": "2s", "deadband": 0.001},
                },
                "features": {"window": "1s", "lateness": "500ms", "idle": "12s"},
                "model": {"resolve_after": "2s"},
            }
        },
        "assets": {asset: {"class": "pump"} for asset in ASSETS},
    }


def pump_frame(asset: str, index: int) -> dict[str, Any]:
    """One frame; now and then a spike (impossible rate), a rest (stuck) and a stretch above the limit."""
    number = ASSETS.index(asset)
    time = T0 + index * SECOND // 10
    phase = (index + 37 * number) % 600
    flow = 950.0 if 300 <= phase < 360 else 400.0 + (index * 7919 + number) % 100
    power = 5.0 if 100 <= phase < 160 else 10.0 + (index % 13)
    return {
        "id": f"{asset}@{time}:raw:1",
        "asset": asset,
        "time": time,
        "ingest_time": time,
        "origin": "backfill",
        "session": "faults",
        "sequence": index,
        "values": {"flow": -5.0 if phase == 200 else flow, "power": power},
    }


@dataclass
class Site:
    """A plant on a broker, and the environment that its services are given."""

    plant: Plant
    plant_file: Path
    kafka: KafkaSettings
    bundles: Path
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    def topic(self, stage: Stage) -> str:
        return topic_name(self.plant, stage)

    def environment(self, port: int) -> dict[str, str]:
        kafka = self.kafka
        return {
            **os.environ,
            "ANDON_PLANT": str(self.plant_file),
            "ANDON_INFERENCE__BUNDLES": str(self.bundles),
            "ANDON_MODELS__UNSIGNED": "allow",
            "ANDON_TELEMETRY__PORT": str(port),
            "ANDON_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "ANDON_KAFKA__IDEMPOTENT": str(kafka.idempotent),
            "ANDON_KAFKA__PARTITIONS": str(kafka.partitions),
            "ANDON_KAFKA__SESSION_TIMEOUT": f"{kafka.session_timeout}us",
            "ANDON_KAFKA__REBALANCE_TIMEOUT": f"{kafka.rebalance_timeout}us",
            "ANDON_KAFKA__FETCH_MAX_WAIT": f"{kafka.fetch_max_wait}us",
            "ANDON_KAFKA__REQUEST_TIMEOUT": "5s",
            "ANDON_RUNTIME__POLL_RECORDS": "200",
            **self.extra,
        }

    async def start(self, service: str, extra: Mapping[str, str] | None = None) -> Running:
        """Start a service; *extra* are variables for it alone."""
        port = free_port()
        log = self.plant_file.parent / f"{service}-{len(self.processes)}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"services.{service}"),
                env=self.environment(port) | dict(extra or {}),
                stdout=out,
                stderr=out,
            )
        self.processes.append(process)
        return Running(service, process, port, log)

    async def read(self, stage: Stage) -> list[Any]:
        return [r async for r in read_to_end(self.kafka, self.topic(stage), range(self.kafka.partitions))]

    async def until_ids(self, stage: Stage, wanted: set[str], timeout: float = 90) -> dict[str, dict[str, Any]]:  # noqa: ASYNC109
        """Wait until the topic holds all *wanted* ids; fail if a repeated id ever differs in content."""
        found: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not wanted <= found.keys():
                    found = distinct(await self.read(stage))
        missing = sorted(wanted - found.keys())
        if missing:
            raise AssertionError(f"{stage}: {len(missing)} of {len(wanted)} ids are missing, first {missing[:3]}")
        return found


@dataclass
class Running:
    """One process of a service."""

    service: str
    process: asyncio.subprocess.Process
    port: int
    log: Path

    async def ready(self) -> None:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                if self.process.returncode is not None:
                    raise AssertionError(f"{self.service} ended with {self.process.returncode}: {self.log.read_text()}")
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


@contextlib.asynccontextmanager
async def pumping_site(kafka: KafkaSettings, site: str, folder: Path) -> AsyncIterator[Site]:
    """A site whose processes all end with the block."""
    model = pumping_plant(site)
    plant_file = folder / "plant.yaml"
    plant_file.write_text(yaml.safe_dump(model))
    (folder / "bundles").mkdir()
    made = Site(Plant.model_validate(model), plant_file, kafka, folder / "bundles")
    async with ending(made):
        yield made


@contextlib.asynccontextmanager
async def ending(site: Site) -> AsyncIterator[None]:
    """End all processes of a site with the block."""
    try:
        yield
    finally:
        for process in site.processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


def distinct(records: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return events by id; a repeated id must have the same content, but for when its input was ingested."""
    events: dict[str, dict[str, Any]] = {}
    for record in records:
        event = orjson.loads(record.value)
        known = events.setdefault(event["id"], event)
        if known != event:
            raise AssertionError(f"id {event['id']} was sent with two contents:\n{known}\n{event}")
    return events


@dataclass(frozen=True)
class _Record:
    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def undisturbed(
    plant: Plant,
    frames: Sequence[dict[str, Any]],
    *,
    now: int = T0 + 10 * 365 * 86_400 * SECOND,
    close: bool = True,
    alerts: AlertSettings | None = None,
) -> dict[Stage, dict[str, dict[str, Any]]]:
    """Run the same logic in one process, over one batch a stage, and return the events of each stage by id.

    Args:
        plant: the plant model.
        frames: raw frames.
        now: the time at which all of it happens.
        close: whether silence closes the last windows in the end.
        alerts: the alert service's settings.
    """
    specs = (
        context_stage(plant, ContextSettings()),
        feature_stage(plant),
        inference_stage(plant, {}, InferenceSettings()),
        alert_stage(plant, alerts or AlertSettings()),
    )
    lines = [(frame["asset"].encode(), orjson.dumps(frame)) for frame in frames]
    outputs: dict[Stage, dict[str, dict[str, Any]]] = {}
    for spec in specs:
        lines = _through(spec, plant, lines, now, close=close)
        events = [orjson.loads(value) for _, value in lines]
        outputs[spec.outputs[0]] = {event["id"]: event for event in events}
    return outputs


def _through(
    spec: StageSpec, plant: Plant, lines: Sequence[tuple[bytes, bytes]], now: int, *, close: bool
) -> list[tuple[bytes, bytes]]:
    decoder = Decoder(plant, CATALOGUE[spec.input].event, without=spec.without)
    decoded = decoder.decode([_Record(n, key, value, ()) for n, (key, value) in enumerate(lines)])
    if decoded.rejected:
        raise AssertionError(decoded.rejected[0])
    processor = spec.open({}, 0)
    results: list[Result] = [processor.process(name, rows, now) for name, rows in decoded.rows.items()]
    if close:
        results.append(processor.tick(now + 3_600 * SECOND, 0))
    emitted = [emit.rows for result in results for emit in result.emits if emit.rows.height]
    encoded = encode(pl.concat(emitted), topic="t", partition=0) if emitted else []
    return [(line.key, line.value or b"") for line in encoded]
