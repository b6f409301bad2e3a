"""Frames while Kafka comes and goes: a real broker that is paused, or behind a cable that is pulled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from andon.contracts import DeadLetter, DeadLetterReason, PlantEvent
from andon.errors import ConfigError, DeliveryError
from andon.stream.deadletters import original_value, source_letter
from andon.stream.topics import topic_name
from andon.uns import Stage
from sandbox.broker import EmbeddedBroker
from tests.outlet.plant import ASSETS, T0
from tests.outlet.rig import Rig


@contextlib.contextmanager
def paused(broker: EmbeddedBroker) -> Iterator[None]:
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def ids(events: list[dict[str, Any]]) -> set[str]:
    return {event["id"] for event in events}


def in_order(events: list[dict[str, Any]]) -> bool:
    """Whether the frames of each asset are in order of time, but for repeated ones."""
    newest = dict.fromkeys(ASSETS, 0)
    seen = set()
    for event in events:
        if event["id"] not in seen and event["time"] < newest[event["asset"]]:
            return False
        seen.add(event["id"])
        newest[event["asset"]] = max(newest[event["asset"]], event["time"])
    return True


def silent(number: int) -> PlantEvent:
    return PlantEvent(id=f"e{number}", time=T0 + number, asset=ASSETS[0], kind="source_silent", name="plc")


def letter(number: int) -> DeadLetter:
    return source_letter(
        service="ingest",
        source="plc",
        address="ns=2;s=x",
        number=str(number),
        reason=DeadLetterReason.UNMAPPED,
        detail="no rule",
        key=None,
        payload=b"what came",
        now=T0,
    )


async def test_without_an_outage_frames_go_straight_to_raw(rig: Rig) -> None:
    await rig.cable.plug()
    async with rig.outlet() as outlet:
        await asyncio.gather(*(outlet.put(Stage.RAW, rig.frames.make(50)) for _ in range(10)))
    arrived = await rig.arrived(Stage.RAW)
    assert len(arrived) == 500
    assert ids(arrived) == rig.frames.ids()
    assert in_order(arrived)
    assert await rig.arrived(Stage.BACKFILL) == []


async def test_an_outage_loses_nothing_and_its_frames_follow_as_history(rig: Rig) -> None:
    await rig.cable.plug()
    async with rig.outlet() as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(100))
        await rig.cable.pull()
        for _ in range(20):
            await outlet.put(Stage.RAW, rig.frames.make(100))
        assert rig.value("andon_kafka_away") == 1
        await rig.cable.plug()
        await rig.until("andon_kafka_away", 0)
        await outlet.put(Stage.RAW, rig.frames.make(100))
        await rig.until("andon_spool_drained_total", 2_000, stage=Stage.BACKFILL)
        await rig.until("andon_records_sent_total", 1, stage=Stage.EVENT)
    raw, backfill = await rig.arrived(Stage.RAW), await rig.arrived(Stage.BACKFILL)
    assert in_order(raw)
    assert in_order(backfill)
    assert ids(backfill) == {name for frames in rig.frames.made[1:21] for name in frames["id"]}
    assert ids(raw) | ids(backfill) == rig.frames.ids()
    assert {event["origin"] for event in raw} == {"live"}
    assert {event["origin"] for event in backfill} == {"backfill"}
    put = {row["id"]: row for frames in rig.frames.made for row in frames.iter_rows(named=True)}
    assert all(put[event["id"]] | {"origin": event["origin"]} == event for event in raw + backfill)
    (drained,) = await rig.arrived(Stage.EVENT)
    assert (drained["kind"], drained["attributes"]) == ("spool_drained", {"frames": "2000", "dropped": "0"})


async def test_a_broker_that_hangs_counts_as_away_and_live_frames_overtake_the_spool(rig: Rig) -> None:
    await rig.cable.plug()
    async with rig.outlet(drain_floor=500) as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(100))
        with paused(rig.broker):
            for _ in range(10):
                await outlet.put(Stage.RAW, rig.frames.make(100))
            assert rig.value("andon_kafka_away") == 1
        await rig.until("andon_kafka_away", 0)
        await outlet.put(Stage.RAW, rig.frames.make(100))
        assert rig.frames.made[-1]["id"][0] in ids(await rig.arrived(Stage.RAW))
        assert rig.value("andon_spool_drained_total", stage=Stage.BACKFILL) < 1_000
        await rig.until("andon_spool_drained_total", 1_000, stage=Stage.BACKFILL)
    assert ids(await rig.arrived(Stage.RAW) + await rig.arrived(Stage.BACKFILL)) == rig.frames.ids()


async def test_a_broker_that_answers_but_acknowledges_nothing_counts_as_away_and_holds_nobody_up(rig: Rig) -> None:
    await rig.cable.plug()
    async with rig.outlet() as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(100))
        rig.cable.mute = True
        began = time.monotonic()
        while time.monotonic() - began < 1.4:  # almost three times the patience: time for vain attempts
            await outlet.put(Stage.RAW, rig.frames.make(10))
            await asyncio.sleep(0.02)
            assert rig.value("andon_kafka_away") == 1
        assert len(rig.frames.made) > 20
        rig.cable.mute = False
        await rig.until("andon_kafka_away", 0)
        await outlet.put(Stage.RAW, rig.frames.make(100))
        await rig.until("andon_spool_frames", 0)
    assert ids(await rig.arrived(Stage.RAW) + await rig.arrived(Stage.BACKFILL)) == rig.frames.ids()


async def test_it_starts_while_kafka_is_away(rig: Rig) -> None:
    async with rig.outlet() as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(10))
        await outlet.tell(silent(1))
        await outlet.refuse(letter(1))
        await rig.cable.plug()
        await rig.until("andon_spool_drained_total", 10, stage=Stage.BACKFILL)
        await outlet.put(Stage.RAW, rig.frames.make(10))
    assert ids(await rig.arrived(Stage.BACKFILL)) == set(rig.frames.made[0]["id"])
    assert ids(await rig.arrived(Stage.RAW)) == set(rig.frames.made[1]["id"])
    assert "e1" in ids(await rig.arrived(Stage.EVENT))
    assert ids(await rig.arrived(Stage.DEADLETTER)) == {letter(1).id}


async def test_what_is_left_at_the_end_is_delivered_by_the_next_process(rig: Rig) -> None:
    async with rig.outlet() as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(100))
        await outlet.tell(silent(1))
    await rig.cable.plug()
    async with rig.outlet():
        await rig.until("andon_spool_drained_total", 100, stage=Stage.BACKFILL)
    assert ids(await rig.arrived(Stage.BACKFILL)) == rig.frames.ids()
    assert "e1" in ids(await rig.arrived(Stage.EVENT))


async def test_events_keep_their_order_and_do_not_wait_for_frames(rig: Rig) -> None:
    async with rig.outlet(drain_floor=100) as outlet:
        for number in range(5):
            await outlet.put(Stage.RAW, rig.frames.make(500))
            await outlet.tell(silent(number))
        await rig.cable.plug()
        for number in range(5, 20):
            await outlet.tell(silent(number))
        await rig.until("andon_kafka_away", 0)
        await rig.until("andon_spool_notices", 0)
        assert rig.value("andon_spool_frames") > 0
        told = [event["id"] for event in await rig.arrived(Stage.EVENT) if event["kind"] == "source_silent"]
    assert told == [f"e{number}" for number in range(20)]


async def test_history_that_a_source_delivers_stays_history(rig: Rig) -> None:
    await rig.cable.plug()
    async with rig.outlet() as outlet:
        await outlet.put(Stage.BACKFILL, rig.frames.make(10))
        await rig.cable.pull()
        await outlet.put(Stage.BACKFILL, rig.frames.make(10))
        await rig.cable.plug()
        await rig.until("andon_spool_drained_total", 10, stage=Stage.BACKFILL)
    assert ids(await rig.arrived(Stage.BACKFILL)) == rig.frames.ids()
    assert await rig.arrived(Stage.RAW) == []


async def test_a_frame_larger_than_kafka_takes_becomes_a_dead_letter_with_its_bytes(rig: Rig) -> None:
    await rig.cable.plug()
    async with rig.outlet(kafka={"max_batch_bytes": 16_384}) as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(1, samples=3_000))
        await outlet.put(Stage.RAW, rig.frames.make(1))
    assert ids(await rig.arrived(Stage.RAW)) == set(rig.frames.made[1]["id"])
    (found,) = map(DeadLetter.model_validate, await rig.arrived(Stage.DEADLETTER))
    assert found.reason is DeadLetterReason.TOO_LARGE
    assert rig.frames.made[0]["id"][0].encode() in (original_value(found) or b"")


async def test_damage_on_disk_becomes_a_dead_letter_and_the_rest_is_delivered(rig: Rig) -> None:
    async with rig.outlet() as outlet:
        for _ in range(3):
            await outlet.put(Stage.RAW, rig.frames.make(10))
    (segment,) = (rig.folder / "spool" / "frames").glob("*.segment")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    await rig.cable.plug()
    async with rig.outlet():
        await rig.until("andon_spool_drained_total", 20, stage=Stage.BACKFILL)
    assert ids(await rig.arrived(Stage.BACKFILL)) == ids_of(rig, 0, 2)
    (found,) = map(DeadLetter.model_validate, await rig.arrived(Stage.DEADLETTER))
    assert found.reason is DeadLetterReason.MALFORMED
    assert "10 events" in found.detail


async def test_topics_that_cannot_be_used_end_the_service_even_if_kafka_came_late(rig: Rig) -> None:
    await rig.cable.plug()
    admin = AIOKafkaAdminClient(**rig.broker.settings().client_arguments())
    await admin.start()
    await admin.create_topics([NewTopic(topic_name(rig.plant, Stage.RAW), 3, 1)])
    await admin.close()
    await rig.cable.pull()
    async with rig.outlet() as outlet:
        await outlet.put(Stage.RAW, rig.frames.make(10))
        await rig.cable.plug()
        with pytest.raises(ConfigError, match="equally many"):
            await outlet.watch()
        with pytest.raises(ConfigError, match="equally many"):
            await outlet.put(Stage.RAW, rig.frames.make(10))
    with pytest.raises(ConfigError, match="equally many"):
        async with rig.outlet() as outlet:
            await outlet.watch()  # where Kafka was slow to answer, the start goes on without it


async def test_an_outlet_that_has_been_stopped_takes_nothing(rig: Rig) -> None:
    outlet = rig.outlet()
    async with outlet:
        await outlet.put(Stage.RAW, rig.frames.make(1))
    with pytest.raises(DeliveryError):
        await outlet.put(Stage.RAW, rig.frames.make(1))


def ids_of(rig: Rig, *numbers: int) -> set[str]:
    return {name for number in numbers for name in rig.frames.made[number]["id"]}
