"""The limit on librdkafka: a bare loop of confluent-kafka around `steps`, at least once."""

from __future__ import annotations

import gc
import time

from confluent_kafka import Consumer, KafkaException, Producer

from bench.subjects.job import Order, read_order
from bench.subjects.steps import Pair, step_of

_POLL_RECORDS, _LINGER_S, _COMMIT_S = 5_000, 0.05, 1.0


def run(order: Order) -> None:
    servers = {"bootstrap.servers": order.kafka.bootstrap_servers}
    consumer = Consumer(
        servers
        | {
            "group.id": "bench-confluent",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": order.session_ms,
            "heartbeat.interval.ms": order.session_ms // 4,
            "fetch.wait.max.ms": order.fetch_wait_ms,
        }
    )
    producer = Producer(servers | {"partitioner": "murmur2", "queue.buffering.max.messages": 1_000_000})
    consumer.subscribe([order.source])
    step, committed = step_of(order), time.monotonic()
    while True:
        pairs = _poll(consumer)
        if pairs:
            for key, value in step(pairs):
                producer.produce(order.output, value, key)
        producer.poll(0)
        if time.monotonic() - committed > _COMMIT_S:
            producer.flush()
            consumer.commit(asynchronous=True)
            committed = time.monotonic()


def _poll(consumer: Consumer) -> list[Pair]:
    messages = consumer.consume(_POLL_RECORDS, _LINGER_S)
    for message in messages:
        if message.error():
            raise KafkaException(message.error())
    return [(message.key(), message.value()) for message in messages]


if __name__ == "__main__":
    gc.disable()  # nothing here makes cycles
    run(read_order())
