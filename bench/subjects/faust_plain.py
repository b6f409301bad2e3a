"""The jobs as a plain Faust agent, as Faust's documentation writes one: event by event, JSON values, state in a table.

Faust's own windows are not used: they close by the wall clock (`Table.on_window_close`), so that those of a backlog
close before they are whole. A table holds each machine's open window, which closes by event time.
"""

from __future__ import annotations

from typing import Any

import aiokafka
import faust
from faust.transport.drivers import aiokafka as driver

from andon.clock import SECOND
from bench.subjects.job import Job, Order, read_order
from bench.subjects.reducer import add, begin, result_of
from bench.subjects.scoring import open_model

#: The application's name; its table's changelog is called after it.
APP = "bench-faust"
CHANGELOG = f"{APP}-windows-changelog"


def application(order: Order) -> Any:
    """Return an application with Faust's own defaults, but for what the embedded broker needs."""
    session_s = order.session_ms / 1_000
    app = faust.App(
        APP,
        broker=f"kafka://{order.kafka.bootstrap_servers}",
        broker_session_timeout=session_s,
        broker_heartbeat_interval=session_s / 4,
        broker_rebalance_timeout=4.0,
        topic_partitions=order.kafka.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.transport = _transport(app, order.fetch_wait_ms)
    return app


def _transport(app: Any, fetch_wait_ms: int) -> Any:
    """Return Faust's own, but for how long a fetch waits: Faust has no setting for its second and a half."""

    class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust ships no types that mypy can use
        def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
            consumer = super()._create_worker_consumer(transport)
            consumer._fetch_max_wait_ms = fetch_wait_ms
            return consumer

    class Consumer(driver.Consumer):  # type: ignore[misc]
        def _new_consumer_thread(self) -> ConsumerThread:
            return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    class Transport(driver.Transport):  # type: ignore[misc]
        pass

    Transport.Consumer = Consumer
    return Transport(app.conf.broker_consumer, app)


def build(order: Order) -> Any:
    """Return the application with the job's agent."""
    app = application(order)
    source = app.topic(order.source, key_serializer="raw", value_serializer="json")
    output = app.topic(order.output, key_serializer="raw", value_serializer="json")
    if order.job is Job.PASS:
        app.agent(source)(_passing(output))
    else:
        score = open_model(order.model) if order.job is Job.SCORE else None
        table = app.Table("windows", partitions=order.kafka.partitions)
        app.agent(source)(_windowing(table, output, score))
    return app


def _passing(output: Any) -> Any:
    async def pass_on(stream: Any) -> None:
        async for key, frame in stream.items():
            await output.send(key=key, value=frame)

    return pass_on


def _windowing(table: Any, output: Any, score: Any) -> Any:
    async def window(stream: Any) -> None:
        async for key, frame in stream.items():
            asset, start = frame["asset"], frame["time"] // SECOND * SECOND
            opened = table.get(asset)
            if opened is not None and opened["start"] == start:
                table[asset] = {"start": start, **add(opened, frame)}
                continue
            table[asset] = {"start": start, **begin(frame)}
            if opened is not None:
                await output.send(key=key, value=result_of(opened["start"], opened, score))

    return window


if __name__ == "__main__":
    faust.Worker(build(read_order()), loglevel="WARN").execute_from_commandline()
