"""A topic that was deleted and made anew under a service: what it holds is new, however far the former one was read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from andon.errors import AndonError
from andon.plant import Plant
from andon.settings import KafkaSettings
from andon.stream import StageSpec
from andon.stream.producer import BatchProducer
from andon.stream.renewal import Renewal
from andon.stream.state import position_line
from andon.stream.topics import changelog_name, group_name
from andon.stream.worker import Worker
from andon.uns import Stage

from .bus import (
    TopicReader,
    frame,
    line,
    pass_through,
    plant,
    reading,
    send,
    settings,
    site_ready,
    stage_topic,
    working,
)

COUNT = 40
FORMER = 450
STATEFUL = replace(pass_through(), stateful=True)


async def site_with_frames(kafka: KafkaSettings, model: Plant) -> None:
    await site_ready(kafka, model, changelogs=[changelog_name(model, "pass")])
    await send(kafka, stage_topic(model, Stage.RAW), [line(frame(f"line/pump-{i % 8}", i)) for i in range(COUNT)])


async def delivered_before(kafka: KafkaSettings, model: Plant) -> None:
    """Record of every partition what a worker of the former topic did."""
    producer = BatchProducer(kafka)
    await producer.start()
    try:
        for number in range(kafka.partitions):
            await producer.deliver(changelog_name(model, "pass"), number, [position_line(FORMER)])
    finally:
        await producer.stop()


async def committed_before(kafka: KafkaSettings, model: Plant) -> None:
    consumer = AIOKafkaConsumer(
        **kafka.client_arguments(), group_id=group_name(model, "pass"), enable_auto_commit=False
    )
    await consumer.start()
    try:
        where = [TopicPartition(stage_topic(model, Stage.RAW), number) for number in range(kafka.partitions)]
        consumer.assign(where)
        await consumer.commit({each: OffsetAndMetadata(FORMER, "") for each in where})
    finally:
        await consumer.stop()


async def test_frames_below_what_was_delivered_of_the_former_topic_are_processed(
    kafka: KafkaSettings, site: str
) -> None:
    model = plant(site)
    await site_with_frames(kafka, model)
    await delivered_before(kafka, model)
    async with (
        working(STATEFUL, model, settings(kafka)) as worker,
        reading(kafka, stage_topic(model, Stage.CONTEXT)) as out,
    ):
        assert len(await out.events(COUNT)) == COUNT
        counted = worker.metrics.registry.get_sample_value("andon_partitions_renewed_total", {"service": "pass"})
    assert counted
    assert counted >= 1


@pytest.mark.parametrize("spec", [pass_through(), STATEFUL], ids=["stateless", "stateful"])
async def test_a_worker_that_would_wait_behind_the_end_is_started_again_and_reads_it_all(
    spec: StageSpec, kafka: KafkaSettings, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("andon.stream.worker._RENEWED_AFTER_S", 0.5)
    kafka = kafka.model_copy(update={"partitions": 1})  # for each it is started again
    model = plant(site)
    await site_with_frames(kafka, model)
    await delivered_before(kafka, model)
    await committed_before(kafka, model)
    async with reading(kafka, stage_topic(model, Stage.CONTEXT)) as out:
        said = await started_again_until_read(Worker(spec, model, settings(kafka)), out)
        while said:
            assert "it was made anew" in said
            said = await started_again_until_read(Worker(spec, model, settings(kafka)), out)
    assert len(out.records) == COUNT


async def started_again_until_read(worker: Worker, out: TopicReader) -> str:
    """Run a worker until all is read, and return nothing; or until it ends by itself, and return why."""
    stop = asyncio.Event()
    work, read = asyncio.create_task(worker.run(stop)), asyncio.create_task(out.events(COUNT))
    await asyncio.wait((work, read), return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    if read.done():
        await work
        read.result()
        return ""
    read.cancel()
    await asyncio.wait((read,))
    with pytest.raises(AndonError) as ended:
        await work
    return str(ended.value)


def test_an_end_that_is_too_early_for_a_moment_is_nothing() -> None:
    now = [0.0]
    renewal = Renewal(10, lambda: now[0])
    looks = ((0.0, 5, False), (9.0, 5, False), (9.5, 10, False), (12.0, 5, False), (21.0, 5, False), (22.0, 5, True))
    for moment, end, seen in looks:
        now[0] = moment
        assert renewal.is_seen(3, 10, end) is seen
    assert not renewal.is_seen(4, 10, 5), "each partition for itself"
    assert not renewal.is_seen(3, 10, None)
