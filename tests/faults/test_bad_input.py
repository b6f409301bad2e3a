"""Everything that can be wrong with a frame, through the real services: each has its reason, its neighbours arrive."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer

from andon.contracts import DeadLetter
from andon.settings import KafkaSettings
from andon.stream.codec import Line
from andon.stream.deadletters import original_value
from andon.stream.publish import partition_of
from andon.stream.topics import ensure_topics
from andon.uns import Stage
from tests.faults.processes import ASSETS, SECOND, Site, distinct, pump_frame, pumping_site, undisturbed
from tests.stream.bus import line

ASSET = ASSETS[0]
YEAR = 365 * 86_400 * SECOND


def json(frame: dict[str, Any]) -> bytes:
    return orjson.dumps(frame)


def bad_frames() -> dict[str, tuple[str, Line]]:
    """Return, by what is wrong, the reason code that is due and the record."""
    good, now = pump_frame(ASSET, 7), time.time_ns() // 1_000
    live = {**good, "origin": "live"}
    return {
        "broken JSON": ("not_json", line(json(good)[:-9], ASSET)),
        "no object": ("not_json", line(b"[1, 2]", ASSET)),
        "empty": ("not_json", line(b"", ASSET)),
        "NaN": ("not_json", line(json(good).replace(b'"power":', b'"power":NaN,"p":'), ASSET)),
        "infinity": ("not_json", line(json(good).replace(b'"power":', b'"power":-Infinity,"p":'), ASSET)),
        "too large a number": ("not_json", line(json(good).replace(b'"power":', b'"power":1e999,"p":'), ASSET)),
        "text for a number": ("schema", line(json({**good, "values": {"flow": "fast"}}), ASSET)),
        "no time": ("schema", line(json({k: v for k, v in good.items() if k != "time"}), ASSET)),
        "time before 1970": ("schema", line(json({**good, "time": -1}), ASSET)),
        "a megabyte": ("schema", line(json({**good, "time": -2, "session": "x" * 1_000_000}), ASSET)),
        "unknown asset": ("unknown_asset", line(json({**good, "asset": "line/pump-99"}), "line/pump-99")),
        "another's key": ("key_mismatch", line(json({**good, "asset": ASSETS[1]}), ASSET)),
        "an hour ahead": ("future_time", line(json({**live, "time": now + 3_600 * SECOND}), ASSET)),
        "years old": ("too_old", line(json({**live, "time": now - 9 * YEAR}), ASSET)),
    }


async def publish(site: Site, lines: list[Line]) -> None:
    producer = AIOKafkaProducer(**site.kafka.client_arguments(), max_request_size=4_000_000)
    await producer.start()
    try:
        for each in lines:
            number = partition_of(each.key, site.kafka.partitions)
            await producer.send(site.topic(Stage.RAW), each.value, each.key, number, headers=each.headers)
        await producer.flush()
    finally:
        await producer.stop()


async def letters(site: Site, count: int) -> list[DeadLetter]:
    async with asyncio.timeout(60):
        while len(found := distinct(await site.read(Stage.DEADLETTER))) < count:
            await asyncio.sleep(0.1)
    return [DeadLetter.model_validate(each) for each in found.values()]


async def test_every_bad_frame_is_set_aside_with_its_reason_and_good_ones_around_it_count(
    kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    good = [pump_frame(asset, index) | {"origin": "live"} for index in range(100) for asset in ASSETS]
    twisted = good[:]
    twisted[80], twisted[88] = twisted[88], twisted[80]  # out of order, within the allowed lateness
    late = good[3 * len(ASSETS)] | {"time": good[3 * len(ASSETS)]["time"] + 50_000}
    late["id"] = f"{ASSET}@{late['time']}:raw:1"
    bad = bad_frames()
    records = [line(frame) for frame in twisted]
    for position, (_, record) in enumerate(bad.values()):
        records.insert(20 * (position + 1), record)
    records += [line(good[5]), line(late)]  # sent twice; new, but long after its window
    async with pumping_site(kafka, site, tmp_path) as plant_site:
        plant_site.extra = {"ANDON_CONTEXT__MAX_AGE": "2500d"}  # the frames are of 2023
        await ensure_topics(kafka, plant_site.plant)
        for name in ("context", "feature"):
            await (await plant_site.start(name)).ready()
        await publish(plant_site, records)
        expected = undisturbed(plant_site.plant, [frame | {"origin": "backfill"} for frame in good])[Stage.FEATURE]
        vectors = await plant_site.until_ids(Stage.FEATURE, set(expected))
        found = await letters(plant_site, len(bad) + 1)
        frames = await plant_site.read(Stage.CONTEXT)
    assert vectors.keys() == expected.keys()
    for name, vector in vectors.items():
        assert vector["features"] == expected[name]["features"]
    assert sorted(orjson.loads(frame.value)["time"] for frame in frames) == sorted(f["time"] for f in [*good, late])
    by_original = {(letter.topic, original_value(letter)): letter for letter in found}
    for what, (reason, record) in bad.items():
        assert by_original[plant_site.topic(Stage.RAW), record.value].reason == reason, what
    [too_late] = [letter for letter in found if letter.reason == "late"]
    assert too_late.service == "feature"
    assert len(found) == len(bad) + 1
