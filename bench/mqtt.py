"""Sparkplug B and JSON from an MQTT broker: values a second that one process takes in."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import aiomqtt
import orjson
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from andon.clock import MILLISECOND, wall_clock
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.child import child
from bench.common import bus, is_quick, result, table
from bench.growth import VISIBLE, watch_growth
from sandbox.edge_node import EdgeNode, Outgoing, Value
from sandbox.mosquitto import Mosquitto, mosquitto

METRICS = tuple(f"m{number}" for number in range(16))
DEVICES = tuple(f"machine-{number}" for number in range(8))
#: Each machine tells all of its values once in so long, microseconds of its own clock.
SCAN = 50 * MILLISECOND
_PLANT = {
    "enterprise": "acme",
    "site": "bench",
    "classes": {"machine": {"scan": f"{SCAN}us", "tags": {name: {} for name in METRICS}}},
    "assets": {f"hall/line-1/{device}": {"class": "machine"} for device in DEVICES},
}


@dataclass(frozen=True, slots=True)
class _Measured:
    metrics_per_s: float
    cpu_us: float


def _sparkplug(count: int) -> list[Outgoing]:
    """Return the births of an edge node with its devices, and *count* messages of theirs with all metrics each."""
    machines: dict[str | None, dict[str, Value]] = {device: dict.fromkeys(METRICS, 50.0) for device in DEVICES}
    node = EdgeNode("acme:bench", "hall:line-1", machines)
    node.connect()
    first = wall_clock() - count // len(DEVICES) * SCAN
    data = (
        node.data(DEVICES[number % len(DEVICES)], _values(number), time=first + number // len(DEVICES) * SCAN)
        for number in range(count)
    )
    return [*node.births(), *data]


def _json(count: int) -> list[Outgoing]:
    """Return *count* JSON messages with the same values, each with its time."""
    return [
        (f"hall/{DEVICES[number % len(DEVICES)]}", orjson.dumps({"t": time.time_ns() // 1_000_000} | _values(number)))
        for number in range(count)
    ]


def _values(number: int) -> dict[str, Value]:
    return {name: number + index / 16 for index, name in enumerate(METRICS)}


#: Kind of source to the messages that it gets and to its part of the sources file.
_KINDS: dict[str, tuple[Callable[[int], list[Outgoing]], dict[str, object]]] = {
    "sparkplug": (_sparkplug, {}),
    "mqtt": (
        _json,
        {
            "rules": [
                {"topic": "hall/{machine}", "asset": "hall/line-1/{machine}", "time": "/t", "time_format": "epoch_ms"}
            ]
        },
    ),
}


async def _listening(broker: Mosquitto) -> None:
    """Wait until the broker has a subscriber beside this one, by the count that it keeps.

    Raises:
        TimeoutError: none has come.
    """
    async with asyncio.timeout(30), aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe("$SYS/broker/subscriptions/count")
        async for message in client.messages:
            if int(bytes(message.payload)) > 1:
                return


def _publish(broker: Mosquitto, messages: list[Outgoing]) -> None:
    """Publish as fast as the broker takes it."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(0)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for topic, body in messages:
        client.publish(topic, body)
    client.publish("bench/end", qos=1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


async def _service_round(count: int) -> float:
    """Return metrics a second of the whole service: from Sparkplug messages to frames in Kafka."""
    messages = _sparkplug(count)
    with bus(_PLANT) as on, mosquitto(on.directory) as broker:
        source = {"name": "bench", "kind": "sparkplug", "broker": {"host": broker.host, "port": broker.port}}
        file = on.directory / "sources.yaml"
        file.write_bytes(orjson.dumps({"sources": [source]}))  # JSON is YAML
        settings = {
            "ANDON_INGEST__SOURCES": str(file),
            "ANDON_INGEST__SPOOL__DIRECTORY": str(on.directory / "spool"),
        }
        with child(on, "services.ingest", environment=settings) as service:
            await _listening(broker)
            publishing = threading.Thread(target=_publish, args=(broker, messages))
            publishing.start()
            grown = await watch_growth(on.kafka, topic_name(on.plant, Stage.RAW), int(VISIBLE * count), [service])
            publishing.join()
    return grown.rate() * len(METRICS)


async def _round(kind: str, count: int) -> _Measured:
    make, fields = _KINDS[kind]
    messages = make(count)
    with bus(_PLANT) as on, mosquitto(on.directory) as broker:
        config = {"name": "bench", "kind": kind, "broker": {"host": broker.host, "port": broker.port}} | fields
        arguments = [kind, orjson.dumps(config).decode(), str(len(METRICS) * count)]
        with child(on, "bench.subjects.counting_source", arguments) as subject:
            await _listening(broker)
            publishing = threading.Thread(target=_publish, args=(broker, messages))
            publishing.start()
            counted, seconds, cpu = map(float, await subject.said("measured", 120))
            publishing.join()
    return _Measured(counted / seconds, cpu / counted * 1e6)


def main() -> None:
    count, rounds = (30_000, 1 if is_quick(__doc__ or "") else 5)
    rates, shown = {}, []
    for kind in _KINDS:
        measured = [asyncio.run(_round(kind, count)) for _ in range(rounds)]
        rates[kind] = statistics.median(each.metrics_per_s for each in measured)
        cpu = statistics.median(each.cpu_us for each in measured)
        shown.append((kind, f"{rates[kind]:,.0f}", f"{cpu:.1f}"))
    service = statistics.median(asyncio.run(_service_round(count)) for _ in range(rounds))
    shown.append(("sparkplug, to frames in Kafka", f"{service:,.0f}", ""))
    table(f"{count:,} messages of {len(METRICS)} values", ("", "values/s", "CPU us/value"), shown)
    result("mqtt", metrics_per_s=service, source_metrics_per_s=rates["sparkplug"], json_values_per_s=rates["mqtt"])


if __name__ == "__main__":
    main()
