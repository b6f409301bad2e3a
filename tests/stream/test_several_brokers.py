"""What the embedded broker cannot: leaders on several brokers, and producers that the broker keeps from repeating.

The cluster is librdkafka's own mock of one: three listeners that speak Kafka's protocol, in the client library's
memory. It makes every topic with four partitions when it is first asked for, and knows no CreateTopics.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition
from confluent_kafka.admin import AdminClient

from andon.settings import KafkaSettings
from andon.stream.publish import partition_of
from andon.uns import Stage
from services.context.processor import context_stage
from services.context.settings import ContextSettings

from .bus import frame, line, plant, reading, send, settings, site_ready, stage_topic, working

BROKERS = 3


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaSettings]:
    """Settings that reach three brokers, with an idempotent producer as for Apache Kafka."""
    mock = AdminClient({"bootstrap.servers": "none", "test.mock.num.brokers": BROKERS, "log_level": 0})
    brokers = mock.list_topics(timeout=10).brokers.values()
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    yield KafkaSettings.model_validate(
        {
            "bootstrap_servers": servers,
            "partitions": 4,
            "create_topics": False,
            "session_timeout": "6s",
            "fetch_max_wait": "50ms",
        }
    )
    mock.list_topics(timeout=10)  # the cluster lives as long as its client


async def leaders(kafka: KafkaSettings, topic: str) -> set[int]:
    """Return the brokers that lead the topic's partitions."""
    producer = AIOKafkaProducer(**kafka.client_arguments())
    await producer.start()
    try:
        partitions = await producer.partitions_for(topic)
        return {producer.client.cluster.leader_for_partition(TopicPartition(topic, each)) for each in partitions}
    finally:
        await producer.stop()


async def test_a_stage_with_an_idempotent_producer_reads_and_writes_partitions_of_several_brokers(
    cluster: KafkaSettings, site: str
) -> None:
    model = plant(site)
    await site_ready(cluster, model)
    raw, context = (stage_topic(model, stage) for stage in (Stage.RAW, Stage.CONTEXT))
    assert cluster.idempotent
    assert len(await leaders(cluster, raw) | await leaders(cluster, context)) > 1
    sent = [frame(f"line/pump-{number % 8}", number, origin="backfill") for number in range(400)]
    await send(cluster, raw, map(line, sent))
    async with (
        working(context_stage(model, ContextSettings()), model, settings(cluster)),
        reading(cluster, context) as out,
    ):
        events = await out.events(len(sent))
    assert len(events) == len(sent)
    for asset in model.assets:
        assert [event["sequence"] for event in events if event["asset"] == asset] == [
            each["sequence"] for each in sent if each["asset"] == asset
        ]
    assert len({record.partition for record in out.records}) > 1
    assert all(record.partition == partition_of(record.key, cluster.partitions) for record in out.records)
