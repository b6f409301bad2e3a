"""The context service: frames per second with everything told, what the join costs, and how fast a correction is."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl
from aiokafka import AIOKafkaConsumer, TopicPartition

from andon.clock import SECOND, wall_clock
from andon.contracts import Frame, PlantEvent
from andon.plant import Plant
from andon.production import Change, fact_of
from andon.production.states import Samples
from andon.stream.codec import Decoder, encode_values
from andon.stream.partition import Partition
from andon.stream.publish import partition_of
from andon.stream.topics import ensure_topics, topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, bus, fill, is_quick, result, table
from bench.frames import RATE_HZ, frames, plant_document
from bench.growth import VISIBLE, Growth, watch_growth
from sandbox.demo.production import announce
from services.context.circumstances import Circumstances
from services.context.processor import context_stage
from services.context.settings import ContextSettings

MACHINES = 10_000
ORDERS = 100_000
SHIFTS = 1_000
#: Orders of a machine follow one another at this distance, so that frames meet their edges.
_ORDER_S = 2
#: Machines that send, a frame a second, for the correction.
_HOURLY_MACHINES = 100
_HOUR = 3_600
_ENOUGH_S = 60
_BATCH = 5_000

Numbers = npt.NDArray[np.int64]


class _Timed(Circumstances):
    """Circumstances that know how much processor time they take."""

    seconds = 0.0

    def catch_up(self) -> list[Change]:
        begun = time.thread_time()
        try:
            return super().catch_up()
        finally:
            self.seconds += time.thread_time() - begun

    def context(self, asset_class: str, asset: Numbers, times: Numbers, samples: Samples) -> pl.Series:
        begun = time.thread_time()
        try:
            return super().context(asset_class, asset, times, samples)
        finally:
            self.seconds += time.thread_time() - begun


@dataclass(frozen=True, slots=True)
class _Record:
    """A record of the raw topic."""

    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def _join_share(count: int) -> float:
    """Return the join's share of the stage's processor time: decoding, joining, marking and encoding, without Kafka.

    It counts from each machine's second frame on: the first is a start's cost, some 0.1 ms a machine.
    """
    plant = Plant.model_validate(_document(MACHINES))
    start = (wall_clock() // SECOND - _ENOUGH_S) * SECOND
    circumstances = _Timed(plant)
    for event in _events(plant, start):
        fact = fact_of(event)
        if fact:
            circumstances.tell(fact)
    spec = context_stage(plant, ContextSettings(), circumstances)
    partition = Partition(spec, Decoder(plant, Frame, without=spec.without), "raw", 0, {}, 0)
    total = 0.0
    for first in range(0, count, _BATCH):
        rows = frames(plant, first, _BATCH, machines=MACHINES, start=start)
        keyed = enumerate(zip(rows["asset"], encode_values(rows), strict=True), start=first)
        records = [_Record(number, key.encode(), value) for number, (key, value) in keyed]
        if first == MACHINES:
            total = circumstances.seconds = 0.0
        begun = time.process_time()
        partition.prepare(records, wall_clock())
        total += time.process_time() - begun
    return circumstances.seconds / total


def _document(machines: int) -> dict[str, object]:
    """Return a plant of which nothing is said by itself: all that is joined is told."""
    return plant_document(machines=machines)


def _events(plant: Plant, start: int) -> list[PlantEvent]:
    """Return orders that follow one another, staggered over the machines, and shifts over a year."""
    assets = list(plant.assets)
    each = ORDERS // len(assets)
    told = []
    for number, asset in enumerate(assets):
        for turn in range(each):
            begin = start + (turn * _ORDER_S * SECOND) + number % 1_000 * 2_000
            name = f"{number:05}-{turn}"
            attributes = {"product": f"product-{(number + turn) % 500}"}
            told.append(
                PlantEvent(
                    id=f"order/{name}",
                    time=begin,
                    end=begin + _ORDER_S * SECOND,
                    asset=asset,
                    kind="order",
                    name=name,
                    attributes=attributes,
                )
            )
    for number in range(SHIFTS):
        begin = start + (number - SHIFTS // 2) * 8 * _HOUR * SECOND
        told.append(
            PlantEvent(
                id=f"shift/{number}", time=begin, end=begin + 8 * _HOUR * SECOND, kind="shift", name=f"shift {number}"
            )
        )
    return told


async def _rate(count: int, *, told: bool) -> Growth:
    with bus(_document(MACHINES)) as on:
        await ensure_topics(on.kafka, on.plant)
        start = (wall_clock() // SECOND - _ENOUGH_S) * SECOND
        if told:
            await announce(on.kafka, on.plant, _events(on.plant, start))

        def rows(first: int, number: int) -> pl.DataFrame:
            return frames(on.plant, first, number, machines=MACHINES, start=start)

        await fill(on.kafka, topic_name(on.plant, Stage.RAW), rows, count)
        with child(on, "services.context", environment={"ANDON_CONTEXT__PATIENCE": "60s"}) as service:
            output = topic_name(on.plant, Stage.CONTEXT)
            return await watch_growth(on.kafka, output, int(VISIBLE * count), [service])


async def _correction() -> float:
    """Return the seconds from telling of an order that lay in the last hour to its last corrected frame."""
    with bus(_document(_HOURLY_MACHINES)) as on:
        await ensure_topics(on.kafka, on.plant)
        start = (wall_clock() // SECOND - _HOUR - 1) * SECOND

        def rows(first: int, number: int) -> pl.DataFrame:
            found = frames(on.plant, first, number, machines=_HOURLY_MACHINES, start=0)
            # A frame a second, not RATE_HZ of them.
            return found.with_columns(pl.col("time") * RATE_HZ + start).with_columns(ingest_time="time")

        await fill(on.kafka, topic_name(on.plant, Stage.RAW), rows, _HOURLY_MACHINES * _HOUR)
        with child(on, "services.context") as service:
            await _all_read(on, service, _HOURLY_MACHINES * _HOUR)
            asset = next(iter(on.plant.assets))
            event = PlantEvent(
                id="order/late", time=start, end=start + _HOUR * SECOND, asset=asset, kind="order", name="late"
            )
            return await _timed(on, service, event, asset)


async def _all_read(on: Bus, service: Child, count: int) -> None:
    topic = topic_name(on.plant, Stage.CONTEXT)
    await watch_growth(on.kafka, topic, int(VISIBLE * count), [service])
    await asyncio.sleep(2)  # the last records are never seen by watching; see bench/growth.py


async def _timed(on: Bus, service: Child, event: PlantEvent, asset: str) -> float:
    number = partition_of(asset.encode(), on.kafka.partitions)
    where = TopicPartition(topic_name(on.plant, Stage.CONTEXT), number)
    consumer = AIOKafkaConsumer(**on.kafka.client_arguments(), fetch_max_wait_ms=50, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([where])
        await consumer.seek_to_beginning(where)
        while (await consumer.getmany(where, timeout_ms=1_000)).get(where):
            service.check()
        begun = time.monotonic()
        await announce(on.kafka, on.plant, [event])
        corrected: set[int] = set()
        while len(corrected) < _HOUR:
            if time.monotonic() - begun > _ENOUGH_S:
                raise BenchError(f"{len(corrected)} of {_HOUR} corrected frames came within {_ENOUGH_S} s")
            for record in (await consumer.getmany(where, timeout_ms=100)).get(where, ()):
                sent = orjson.loads(record.value)
                if sent["revision"] == 1 and sent["context"]["order"] == "late":
                    corrected.add(sent["time"])
        return time.monotonic() - begun
    finally:
        await consumer.stop()


def main() -> None:
    count, rounds = (300_000, 1) if is_quick(__doc__ or "") else (1_000_000, 3)
    told = [asyncio.run(_rate(count, told=True)) for _ in range(rounds)]
    untold = [asyncio.run(_rate(count, told=False)) for _ in range(rounds)]
    corrections = [asyncio.run(_correction()) for _ in range(rounds)]
    rows = [("everything told", told), ("nothing told", untold)]
    table(
        f"Frames of 8 tags; {MACHINES:,} machines, {ORDERS:,} orders, {SHIFTS:,} shifts",
        ("", "frames/s", "CPU us/frame", "frames"),
        [
            (
                name,
                f"{statistics.median(each.rate() for each in grown):,.0f}",
                f"{statistics.median(each.cpu_us() for each in grown):.1f}",
                f"{count:,}",
            )
            for name, grown in rows
        ],
    )
    result(
        "context",
        frames_per_s=statistics.median(each.rate() for each in told),
        join_share=_join_share(count),
        correction_s=statistics.median(corrections),
    )


if __name__ == "__main__":
    main()
