"""The whole service on a real broker and a real database: everything is kept once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import polars as pl
import pytest

from andon.contracts import CATALOGUE
from andon.contracts.schemas import example
from andon.database import Database, connect
from andon.plant import Plant
from andon.settings import DatabaseSettings, KafkaSettings
from andon.stream.reading import read_to_end
from andon.stream.topics import ensure_topics, topic_name
from andon.telemetry import Metrics
from andon.uns import Stage
from services.historian.settings import ServiceSettings
from services.historian.sink import Sink
from services.historian.tables import DOCUMENT_STAGES
from tests.historian.history import FAN, PUMP, T0, context, frame, plant
from tests.stream.bus import at_work, line, send

EXTENT = "SELECT jsonb_object_agg(relation || asset_id, to_jsonb(extent))::text FROM history.extent"
ROWS = 'SELECT count(*) FROM history."raw_pump"'


def settings(kafka: KafkaSettings, database: DatabaseSettings, lake: Path, **changes: Any) -> ServiceSettings:
    own = {"flush_interval": "50ms", "retry": "50ms", "lake": {"directory": lake}, **changes}
    values = {"historian": own, "telemetry": {"port": 0}, "runtime": {"tick": "50ms"}}
    return ServiceSettings.model_validate({**values, "kafka": kafka, "database": database})


@contextlib.asynccontextmanager
async def historian(model: Plant, chosen: ServiceSettings, metrics: Metrics | None = None) -> AsyncIterator[Sink]:
    """Run the service until the block ends; its failure fails the test."""
    sink = Sink(model, chosen, metrics or Metrics("historian"))
    async with at_work(sink.run):
        yield sink


async def until(pool: Database, query: str, wanted: object | Callable[[Any], bool]) -> None:
    """Wait until the database answers what is wanted."""
    found: object = None
    try:
        async with asyncio.timeout(60):
            while not (wanted(found) if callable(wanted) else found == wanted):
                with contextlib.suppress(asyncpg.UndefinedTableError):
                    found = await pool.fetchval(query)
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise AssertionError(f"{query}: {found}, not {wanted}") from None


async def publish(kafka: KafkaSettings, model: Plant, stage: Stage, *events: Mapping[str, Any] | bytes) -> None:
    await send(kafka, topic_name(model, stage), [line(e if isinstance(e, bytes) else dict(e), PUMP) for e in events])


def sample(stage: Stage) -> dict[str, Any]:
    """The documented example of a stage's event, about one of our pumps."""
    event = example(CATALOGUE[stage].event)
    return event | {"asset": PUMP, "asset_class": "pump"}


async def test_every_stage_is_kept_once_and_read_again_without_effect(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = plant(site)
    await ensure_topics(kafka, model)
    order = {"id": "o", "time": T0, "asset": PUMP, "kind": "order", "name": "4711"}
    lines = [line(frame(n, asset)) for n in range(50) for asset in (PUMP, FAN)]
    for _ in range(2):
        await send(kafka, topic_name(model, Stage.RAW), lines)
        await publish(kafka, model, Stage.BACKFILL, *map(frame, range(40, 60)))
        await publish(kafka, model, Stage.CONTEXT, *map(context, range(30)))
        await publish(kafka, model, Stage.EVENT, order, order | {"revision": 1, "name": "4712"})
        for stage in DOCUMENT_STAGES:
            await publish(kafka, model, stage, sample(stage))
    chosen = settings(kafka, database, tmp_path / "lake")
    async with connect(database) as pool:
        async with historian(model, chosen):
            await until(pool, ROWS, 60)
            await until(pool, 'SELECT count(*) FROM history."raw_fan"', 50)
            await until(pool, 'SELECT count(*) FROM history."context_pump"', 30)
            await until(pool, "SELECT string_agg(name, ',') FROM andon.plant_event WHERE recorded_to IS NULL", "4712")
            for stage in DOCUMENT_STAGES:
                await until(pool, f"SELECT count(*) FROM history.{stage}", 1)
        assert await pool.fetchval("SELECT count(*) FROM andon.plant_event") == 2
        kept = await pool.fetchrow("SELECT score, decision, model, document FROM history.inference")
        assert kept is not None
        assert tuple(kept)[:3] == (31.2, "anomaly", "centrifugal-pump-anomaly")
        assert orjson.loads(kept["document"]) == sample(Stage.INFERENCE)
        drift = await pool.fetchrow("SELECT state, cause, retrain, action, model_version FROM history.drift")
        told = sample(Stage.DRIFT)
        assert drift is not None
        assert tuple(drift)[:4] == tuple(told[name] for name in ("state", "cause", "retrain", "action"))
        assert drift["model_version"] == told["model"]["version"]
        late = "SELECT count(*) FROM history.\"raw_pump\" WHERE sequence >= 50 AND origin <> 'backfill'"
        assert await pool.fetchval(late) == 0, "what came by way of backfill is history, whatever it says"
        before = await pool.fetchval(EXTENT)
        monkeypatch.setattr("services.historian.sink._SERVICE", "another-group")
        metrics = Metrics("historian")
        async with historian(model, chosen, metrics):
            await read(metrics, Stage.RAW, 240)
            await read(metrics, Stage.EVENT, 4)
        assert await pool.fetchval(ROWS) == 60
        assert await pool.fetchval("SELECT count(*) FROM andon.plant_event") == 2
        assert await pool.fetchval(EXTENT) == before
    files = list((tmp_path / "lake" / "raw").rglob("*.parquet"))
    assert sum(pl.read_parquet(file).height for file in files) == 110


async def read(metrics: Metrics, stage: Stage, records: int) -> None:
    async with asyncio.timeout(30):
        while value(metrics, "andon_records_read_total", stage=stage) < records:
            await asyncio.sleep(0.02)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, {"service": metrics.service, **labels}) or 0.0


async def test_what_cannot_be_kept_is_set_aside_and_its_neighbours_are_kept(
    kafka: KafkaSettings, database: DatabaseSettings, site: str, tmp_path: Path
) -> None:
    model = plant(site)
    await ensure_topics(kafka, model)
    nul = frame(3, values={"mode": "a\0b"})
    await publish(kafka, model, Stage.RAW, frame(1), b"{", nul, frame(2), frame(10**9), frame(4, values=None))
    await publish(kafka, model, Stage.ALERT, sample(Stage.ALERT) | {"more": "\0"})
    await publish(kafka, model, Stage.EVENT, b"[1]", b"x", {"id": "e", "time": 1, "kind": "order", "name": "a\0"})
    async with connect(database) as pool, historian(model, settings(kafka, database, tmp_path / "lake")):
        await until(pool, ROWS, 2)
        letters: list[dict[str, Any]] = []
        async with asyncio.timeout(30):
            while len(letters) < 8:
                topic = topic_name(model, Stage.DEADLETTER)
                read = [record async for record in read_to_end(kafka, topic, range(kafka.partitions))]
                letters = [orjson.loads(record.value) for record in read]
    reasons = sorted((letter["topic"].rpartition(".")[2], letter["reason"]) for letter in letters)
    assert reasons == [
        ("alert", "schema"),
        ("event", "not_json"),
        ("event", "schema"),
        ("event", "schema"),
        ("raw", "future_time"),
        ("raw", "not_json"),
        ("raw", "schema"),
        ("raw", "schema"),
    ]
    assert {letter["service"] for letter in letters} == {"historian"}
