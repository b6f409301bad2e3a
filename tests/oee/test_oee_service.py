"""The oee service on a real database and broker: what history says, late and corrected frames too."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl
import pytest

from andon.contracts import ContextFrame
from andon.database import Database, connect, migrate
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.settings import DatabaseSettings, KafkaSettings, TelemetrySettings
from andon.telemetry import Metrics
from andon.uns import Stage
from services.historian.archive import Archive, days_of, open_archive
from services.historian.rows import RECORD, encode_rows, frame_rows, newest
from services.oee.__main__ import ServiceSettings, run
from services.oee.settings import OeeSettings
from tests.stream.bus import TopicReader, at_work, reading, site_ready, stage_topic

SECOND = 1_000_000
#: 6:00 on a Thursday in Berlin, so that the early shift begins.
START = int(datetime(2026, 1, 1, 5, tzinfo=UTC).timestamp()) * SECOND
ASSET = "hall/press"
SHIFT = "2026-01-01 early"


def plant(site: str) -> Plant:
    press = {
        "tags": {"speed": {"unit": "rpm"}, "parts": {"kind": "integer"}},
        "production": {
            "produced": {"tag": "parts"},
            "good_when": {"speed": {"below": 900}},
            "item_time": "2s",
            "unit": "pieces",
        },
    }
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": site,
            "time_zone": "Europe/Berlin",
            "shifts": [{"name": "early", "start": "06:00", "end": "14:00"}],
            "classes": {"press": press, "fan": {"tags": {"speed": {}}}},
            "assets": {ASSET: {"class": "press"}, "hall/fan": {"class": "fan"}},
        }
    )


def frame(second: int, state: str = "running", product: str = "bolt", **changes: Any) -> dict[str, Any]:
    time = START + second * SECOND
    said = {"shift": SHIFT, "machine_state": state, "product": product, "stale": False}
    values = {"speed": 1_000.0 if second < 30 else 500.0, "parts": min(second, 89)}
    event = {"id": f"{ASSET}@{time}:context:1", "asset": ASSET, "time": time, "ingest_time": time, "session": "s"}
    model = {"sequence": second, "asset_class": "press", "plant": "p", "units": {}, "limits": {}}
    return {**event, **model, "values": values, "context": said, **changes}


async def write(archive: Archive, model: Plant, *events: dict[str, Any]) -> None:
    """Write frames as the historian does."""
    schema = event_schema(ContextFrame, model.classes["press"])
    table = archive.tables[Stage.CONTEXT, "press"]
    rows = pl.DataFrame(list(events), schema=schema).with_row_index(RECORD)
    kept = newest(table, frame_rows(table, rows, archive.asset_ids))
    await archive.write(table, encode_rows(table, kept), days_of(kept))


@contextlib.asynccontextmanager
async def working(model: Plant, kafka: KafkaSettings, database: DatabaseSettings) -> AsyncIterator[TopicReader]:
    """Run the service until the block ends; its failure fails the test."""
    settings = ServiceSettings(
        kafka=kafka,
        database=database,
        telemetry=TelemetrySettings(port=0),
        oee=OeeSettings.model_validate({"every": "50ms"}),
    )
    await site_ready(kafka, model)
    async with (
        at_work(lambda stop: run(model, settings, Metrics("oee"), stop)),
        reading(kafka, stage_topic(model, Stage.KPI)) as told,
    ):
        yield told


async def newest_of(told: TopicReader, product: str, **wanted: Any) -> dict[str, Any]:
    """Return the newest indicators of a product, once they are as wanted."""

    def found(records: list[Any]) -> dict[str, Any]:
        events = [orjson.loads(record.value) for record in records]
        mine = [event for event in events if event["product"] == product]
        return max(mine, key=lambda event: event["revision"], default={})

    def there(records: list[Any]) -> bool:
        return wanted.items() <= found(records).items()

    return found(await told.until(there))


@pytest.fixture
async def pool(database: DatabaseSettings) -> AsyncIterator[Database]:
    async with connect(database) as opened:
        await migrate(opened)
        yield opened


async def test_oee_follows_from_history_and_from_what_corrects_it(
    kafka: KafkaSettings, site: str, database: DatabaseSettings, pool: Database
) -> None:
    """Two minutes: 90 s it runs, 30 s it stands; a piece in 2 s is planned, one a second made, 29 of them too fast."""
    model = plant(site)
    archive = await open_archive(pool, model, datetime.now(UTC))
    frames = [frame(second, "running" if second < 90 else "unplanned_stop") for second in range(120)]
    late = [each for each in frames if each["sequence"] == 45]
    async with working(model, kafka, database) as told:
        await write(archive, model, *(each for each in frames if each not in late))
        first = await newest_of(told, "bolt", produced_quantity=89.0)
        assert first["time"] == START, "the shift's start"
        assert (first["shift"], first["asset_class"], first["unit"]) == (SHIFT, "press", "pieces")
        await write(archive, model, *late)
        found = await newest_of(told, "bolt", actual_production_time=90.0, planned_busy_time=120.0)
        assert found["availability"] == pytest.approx(90 / 120)
        assert found["effectiveness"] == pytest.approx(2 * 89 / 90)
        assert found["quality_ratio"] == pytest.approx((89 - 29) / 89)
        assert found["oee_index"] == pytest.approx(90 / 120 * 2 * 89 / 90 * 60 / 89)
        # the stop had been planned, and was for another product
        await write(archive, model, *(frame(s, "planned_stop", "nut", revision=1) for s in range(90, 120)))
        corrected = await newest_of(told, "bolt", down_time=0.0)
        assert corrected["availability"] == 1.0
        assert corrected["id"] == first["id"]
        assert corrected["revision"] > first["revision"]
        nut = await newest_of(told, "nut", planned_stop_time=30.0)
        assert (nut["availability"], nut["oee_index"]) == (None, None)


async def test_history_from_before_the_service_counts_and_is_told_once(
    kafka: KafkaSettings, site: str, database: DatabaseSettings, pool: Database
) -> None:
    model = plant(site)
    archive = await open_archive(pool, model, datetime.now(UTC))
    await write(archive, model, *(frame(second) for second in range(60)))
    product = "SELECT andon.tell('p', 'product', '', 'bolt', now(), NULL, '{\"item_time\": \"500ms\"}')"
    await pool.execute(product)
    async with working(model, kafka, database) as told:
        found = await newest_of(told, "bolt", actual_production_time=60.0)
        assert found["item_time"] == 0.5, "the product's own"
    async with working(model, kafka, database) as told:
        await write(archive, model, *(frame(second) for second in range(60, 61)))
        await newest_of(told, "bolt", actual_production_time=61.0)
        revisions = [orjson.loads(record.value)["revision"] for record in told.records]
    assert revisions == [0, 1]
