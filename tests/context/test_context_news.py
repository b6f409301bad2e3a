"""The context service hears of orders and shifts from the bus and the database, and corrects what it has sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from andon.clock import wall_clock
from andon.contracts import PlantEvent
from andon.database import connect, migrate
from andon.plant import Plant
from andon.settings import DatabaseSettings, KafkaSettings, RuntimeSettings, TelemetrySettings
from andon.stream.codec import Line
from andon.telemetry import Metrics
from andon.uns import Stage
from sandbox.database import embedded_database
from services.context.__main__ import ServiceSettings, run
from services.context.settings import ContextSettings
from tests.database.server import start_database, stop_database
from tests.stream.bus import TopicReader, at_work, line, reading, send, site_ready, stage_topic
from tests.stream.bus import plant as make_plant

SECOND = 1_000_000
PUMPS = [f"line/pump-{number}" for number in range(4)]
#: Recent, so that live frames are believed; whole seconds, so that frames are easy to name.
START = wall_clock() // SECOND * SECOND - 600 * SECOND


def frame(asset: str, second: int, **changes: Any) -> Line:
    time = START + second * SECOND
    values = {"flow": float(second), "running": True}
    event = {"id": f"{asset}@{time}:raw:1", "asset": asset, "time": time, "ingest_time": time, "session": "s"}
    return line({**event, "sequence": second, "values": values, **changes})


def told(name: str, start: int, end: int | None, asset: str | None = PUMPS[0], **changes: Any) -> Line:
    time, until = START + start * SECOND, None if end is None else START + end * SECOND
    fields: dict[str, Any] = {"id": f"order/{name}", "kind": "order", "name": name, **changes}
    event = PlantEvent(time=time, end=until, asset=asset, **fields)
    return line(orjson.loads(event.model_dump_json()), key=asset or "site")


@dataclass
class Running:
    """A context service at work, and what it sends."""

    plant: Plant
    kafka: KafkaSettings
    metrics: Metrics
    sent: TopicReader

    async def feed(self, *lines: Line) -> None:
        await send(self.kafka, stage_topic(self.plant, Stage.RAW), lines)

    async def tell(self, *lines: Line) -> None:
        await send(self.kafka, stage_topic(self.plant, Stage.EVENT), lines)

    async def newest(self, *wanted: tuple[str, int, int]) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the newest revision of each frame sent, once those of (asset, second, revision) are there."""

        def frames(records: list[Any]) -> dict[tuple[str, int], dict[str, Any]]:
            newest: dict[tuple[str, int], dict[str, Any]] = {}
            for record in records:
                event = orjson.loads(record.value)
                name = event["asset"], (event["time"] - START) // SECOND
                if name not in newest or event["revision"] >= newest[name]["revision"]:
                    newest[name] = event
            return newest

        def there(records: list[Any]) -> bool:
            newest = frames(records)
            return all(newest.get((a, s), {"revision": -1})["revision"] >= revision for a, s, revision in wanted)

        return frames(await self.sent.until(there))

    def counted(self, name: str) -> float:
        for family in self.metrics.registry.collect():
            for sample in family.samples:
                if sample.name == name:
                    return float(sample.value)
        return 0.0


@contextlib.asynccontextmanager
async def running(
    plant: Plant, kafka: KafkaSettings, database: DatabaseSettings | None = None, **rules: Any
) -> AsyncIterator[Running]:
    settings = ServiceSettings(
        kafka=kafka,
        database=database or DatabaseSettings(),
        telemetry=TelemetrySettings(port=0),
        runtime=RuntimeSettings.model_validate({"linger": "10ms"}),
        context=ContextSettings.model_validate({"settle": "300ms", **rules}),
    )
    metrics = Metrics("context")
    await site_ready(kafka, plant)
    async with (
        at_work(lambda stop: run(plant, settings, metrics, stop)),
        reading(kafka, stage_topic(plant, Stage.CONTEXT)) as sent,
    ):
        yield Running(plant, kafka, metrics, sent)


async def test_a_frame_has_the_order_that_was_told_before_it_came(kafka: KafkaSettings, site: str) -> None:
    plant = make_plant(site)
    await site_ready(kafka, plant)
    known = told("steel", 0, None, None, id="product/steel", kind="product")
    orders = [
        told("4711", 0, 5, attributes={"product": "steel"}),
        told("4712", 2, 9, PUMPS[2], attributes={"product": "stele"}),
        told("4713", 4, 6, PUMPS[2]),
    ]
    await send(kafka, stage_topic(plant, Stage.EVENT), [known, *orders])
    async with running(plant, kafka) as service:
        await service.feed(*(frame(PUMPS[0], second) for second in range(8)), frame(PUMPS[1], 0))
        frames = await service.newest((PUMPS[0], 7, 0), (PUMPS[1], 0, 0))
        await service.sent.until(lambda _: service.counted("andon_context_overlaps") == 1)
        await service.sent.until(lambda _: service.counted("andon_unknown_products") == 1)  # stele
    found = [frames[PUMPS[0], second]["context"] for second in range(8)]
    assert [(each["order"], each["product"]) for each in found] == [("4711", "steel")] * 5 + [(None, None)] * 3
    assert frames[PUMPS[1], 0]["context"]["order"] is None
    assert not any(each["stale"] for each in found)


async def test_a_late_correction_sends_just_the_stretch_again(kafka: KafkaSettings, site: str) -> None:
    plant = make_plant(site)
    async with running(plant, kafka) as service:
        await service.feed(*(frame(PUMPS[0], second) for second in range(20)))
        before = await service.newest((PUMPS[0], 19, 0))
        assert {each["context"] and each["context"]["order"] for each in before.values()} == {None}
        await service.tell(told("4711", 5, 15, attributes={"product": "steel"}))
        after = await service.newest(*((PUMPS[0], second, 1) for second in range(5, 15)))
        assert {second for (_, second), each in after.items() if each["revision"]} == set(range(5, 15))
        one, other = before[PUMPS[0], 7], after[PUMPS[0], 7]
        assert other["context"]["product"] == "steel"
        assert {**one, "context": None, "revision": 0} == {**other, "context": None, "revision": 0}, "the same but that"
        # MES corrects itself: it ended earlier, and was another product
        await service.tell(told("4711", 5, 10, attributes={"product": "brass"}, revision=1))
        last = await service.newest(*((PUMPS[0], second, 2) for second in range(5, 15)))
    products = [(last[PUMPS[0], second]["context"] or {}).get("product") for second in range(20)]
    assert products == [None] * 5 + ["brass"] * 5 + [None] * 10
    lineage = [dict(record.headers)["andon-lineage"] for record in service.sent.records]
    assert len(set(lineage)) == 20, "a corrected frame leads back to the same raw frame"


async def test_a_shift_of_the_whole_site_corrects_all_its_machines(kafka: KafkaSettings, site: str) -> None:
    plant = make_plant(site)
    async with running(plant, kafka) as service:
        await service.feed(*(frame(pump, second) for pump in PUMPS for second in range(4)))
        await service.newest(*((pump, 3, 0) for pump in PUMPS))
        await service.tell(told("early", 1, 3, asset=None, id="shift/1", kind="shift"))
        frames = await service.newest(*((pump, second, 1) for pump in PUMPS for second in (1, 2)))
    for pump in PUMPS:
        shifts = [(frames[pump, second]["context"] or {}).get("shift") for second in range(4)]
        assert shifts == [None, "early", "early", None]


async def test_a_correction_that_a_crash_interrupts_is_taken_up_again(kafka: KafkaSettings, site: str) -> None:
    plant = make_plant(site)
    async with running(plant, kafka) as service:
        await service.feed(*(frame(PUMPS[0], second) for second in range(5)))
        await service.newest((PUMPS[0], 4, 0))
    # nobody is there to hear this
    await send(kafka, stage_topic(plant, Stage.EVENT), [told("4711", 1, 3)])
    async with running(plant, kafka) as service:
        frames = await service.newest((PUMPS[0], 1, 1), (PUMPS[0], 2, 1))
        await service.sent.until(lambda _: service.counted("andon_correction_seconds_count") >= 1)
    async with running(plant, kafka) as service:
        frames = await service.newest((PUMPS[0], 1, 1))
        await asyncio.sleep(1)  # there is nothing to wait for: it must do nothing
        assert service.counted("andon_corrected_frames_total") == 0
    assert [frames[PUMPS[0], second]["revision"] for second in range(5)] == [0, 1, 1, 0, 0]


async def test_what_is_no_event_is_set_aside_with_its_reason(kafka: KafkaSettings, site: str) -> None:
    plant = make_plant(site)
    async with running(plant, kafka) as service, reading(kafka, stage_topic(plant, Stage.DEADLETTER)) as letters:
        bad_end = orjson.dumps({"id": "x", "time": 5, "end": 4, "asset": PUMPS[0], "kind": "order", "name": "n"})
        await service.tell(
            line(b"{", key="k"),
            line(bad_end, key=PUMPS[0]),
            told("1", 0, 1, asset="line/pump-99"),
            told("flying", 0, 1, id="state/1", kind="machine_state"),
            told("4711", 0, 5),
        )
        await service.feed(frame(PUMPS[0], 0))
        found = await letters.until(lambda records: len(records) >= 4)
        frames = await service.newest((PUMPS[0], 0, 0))
    reasons = sorted((each["reason"], each["detail"]) for each in (orjson.loads(record.value) for record in found))
    assert [reason for reason, _ in reasons] == ["schema", "schema", "schema", "unknown_asset"]
    assert any("end (4) lies before time (5)" in detail for _, detail in reasons)
    assert any("'flying' is no machine state" in detail for _, detail in reasons)
    assert (frames[PUMPS[0], 0]["context"] or {}).get("order") in ("4711", None)


TELL = 'SELECT andon.tell($1, \'order\', $2, $3, to_timestamp($4), NULL, \'{"product": "steel", "quantity": 5}\')'


async def test_what_is_told_in_the_database_is_heard_at_once_and_put_on_the_bus(
    kafka: KafkaSettings, site: str, database: DatabaseSettings
) -> None:
    plant = make_plant(site)
    async with connect(database) as pool:
        await migrate(pool)
        await pool.execute(TELL, "old", PUMPS[1], "4710", START / SECOND)
        async with running(plant, kafka, database) as service:
            await service.feed(*(frame(pump, 0) for pump in PUMPS))
            frames = await service.newest(*((pump, 0, 0) for pump in PUMPS))
            assert frames[PUMPS[1], 0]["context"]["order"] == "4710", "known before the first frame"
            await pool.execute(TELL, "new", PUMPS[0], "4711", START / SECOND)
            frames = await service.newest((PUMPS[0], 0, 1))
            assert frames[PUMPS[0], 0]["context"]["order"] == "4711"
            async with reading(kafka, stage_topic(plant, Stage.EVENT)) as events:
                told_again = await events.events(2)
            assert [each["attributes"] for each in told_again] == [{"product": "steel", "quantity": "5"}] * 2
            async with asyncio.timeout(10):
                while await pool.fetchval("SELECT count(*) FROM andon.plant_event WHERE NOT relayed"):
                    await asyncio.sleep(0.05)


async def test_a_database_that_is_away_leaves_the_join_working_and_marks_it_stale(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    plant = make_plant(site)
    with embedded_database(tmp_path / "own") as dsn:
        settings = DatabaseSettings.model_validate({"dsn": dsn, "timeout": "2s"})
        async with running(plant, kafka, settings) as service:
            await service.tell(told("4711", 0, None))
            await service.feed(frame(PUMPS[0], 0))
            first = await service.newest((PUMPS[0], 0, 0))
            assert not (first[PUMPS[0], 0]["context"] or {"stale": False})["stale"]
            await stop_database(tmp_path / "own")
            async with asyncio.timeout(20):
                while service.counted("andon_context_stale") == 0:
                    await asyncio.sleep(0.05)
            await service.feed(frame(PUMPS[0], 1))
            stale = (await service.newest((PUMPS[0], 1, 0)))[PUMPS[0], 1]["context"]
            assert (stale["order"], stale["stale"]) == ("4711", True)
            start_database(tmp_path / "own")
            async with asyncio.timeout(20):
                while service.counted("andon_context_stale") == 1:
                    await asyncio.sleep(0.05)
            await service.feed(frame(PUMPS[0], 2))
            fresh = (await service.newest((PUMPS[0], 2, 0)))[PUMPS[0], 2]["context"]
            assert (fresh["order"], fresh["stale"]) == ("4711", False)
            assert service.counted("andon_stale_frames_total") == 1
