"""The limit on aiokafka: a bare loop around `steps` that sends whole batches, at least once."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.subjects.job import Order, read_order
from bench.subjects.steps import Pair, step_of

_POLL_RECORDS, _LINGER_MS, _COMMIT_S, _BATCH_BYTES = 5_000, 50, 1.0, 900_000


async def run(order: Order) -> None:
    consumer = AIOKafkaConsumer(
        order.source,
        bootstrap_servers=order.kafka.bootstrap_servers,
        group_id="bench-aiokafka",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=order.session_ms,
        heartbeat_interval_ms=order.session_ms // 4,
        fetch_max_wait_ms=order.fetch_wait_ms,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=order.kafka.bootstrap_servers, acks="all", max_batch_size=_BATCH_BYTES
    )
    await consumer.start()
    await producer.start()
    steps = [step_of(order) for _ in range(order.kafka.partitions)]
    sent: list[Any] = []
    committed = time.monotonic()
    while True:
        polled = await consumer.getmany(timeout_ms=_LINGER_MS, max_records=_POLL_RECORDS)
        for where, records in polled.items():
            pairs = steps[where.partition]([(record.key, record.value) for record in records])
            sent += await _send(producer, order.output, where.partition, pairs)
        if time.monotonic() - committed > _COMMIT_S:
            await asyncio.gather(*sent)
            await consumer.commit()
            sent, committed = [], time.monotonic()


async def _send(producer: AIOKafkaProducer, topic: str, partition: int, pairs: Iterable[Pair]) -> list[Any]:
    """Send in as few batches as they fit into; return what tells that the broker has them."""
    sent, batch = [], producer.create_batch()
    for key, value in pairs:
        if batch.append(key=key, value=value, timestamp=None) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    if batch.record_count():
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


if __name__ == "__main__":
    gc.disable()  # as good as nothing here makes cycles
    asyncio.run(run(read_order()))
