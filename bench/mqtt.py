"""Sparkplug B and JSON from an MQTT broker: values a second that one process takes in."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import aiomqtt
import orjson
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from andon.errors import ConfigError
from bench.child import child
from bench.common import Bus, bus, is_quick, result, table
from sandbox.broker import free_port
from sandbox.edge_node import EdgeNode, Outgoing, Value

METRICS = tuple(f"m{number}" for number in range(16))
DEVICES = tuple(f"machine-{number}" for number in range(8))
_HOST = "127.0.0.1"
_PLANT = {
    "enterprise": "acme",
    "site": "bench",
    "classes": {"machine": {"scan": "50ms", "tags": {name: {} for name in METRICS}}},
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
    data = (node.data(DEVICES[number % len(DEVICES)], _values(number)) for number in range(count))
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


@contextlib.contextmanager
def _mosquitto(on: Bus) -> Iterator[int]:
    """Run Mosquitto on a free port for the length of a `with` block; it drops nothing that a client is slow to take.

    Raises:
        ConfigError: it is not installed.
    """
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin")
    if program is None:
        raise ConfigError("this bench needs Mosquitto, an MQTT broker (install the package of that name)")
    port, settings = free_port(), on.directory / "mosquitto.conf"
    settings.write_text(
        f"listener {port} {_HOST}\nallow_anonymous true\nmax_queued_messages 0\nlog_dest none\nsys_interval 1\n"
    )
    process = subprocess.Popen([program, "-c", str(settings)])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


async def _listening(port: int) -> None:
    """Wait until the broker has a subscriber beside this one, by the count that it keeps.

    Raises:
        TimeoutError: none has come.
    """
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(aiomqtt.MqttError):  # it is only just starting
                async with aiomqtt.Client(_HOST, port) as client:
                    await client.subscribe("$SYS/broker/subscriptions/count")
                    async for message in client.messages:
                        if int(bytes(message.payload)) > 1:
                            return
            await asyncio.sleep(0.05)


def _publish(port: int, messages: list[Outgoing]) -> None:
    """Publish as fast as the broker takes it."""
    client = Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(0)
    client.connect(_HOST, port)
    client.loop_start()
    for topic, body in messages:
        client.publish(topic, body)
    client.publish("bench/end", qos=1).wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


async def _round(kind: str, count: int) -> _Measured:
    make, fields = _KINDS[kind]
    messages = make(count)
    with bus(_PLANT) as on, _mosquitto(on) as port:
        config = {"name": "bench", "kind": kind, "broker": {"host": _HOST, "port": port}} | fields
        arguments = [kind, orjson.dumps(config).decode(), str(len(METRICS) * count)]
        with child(on, "bench.subjects.counting_source", arguments) as subject:
            await _listening(port)
            publishing = threading.Thread(target=_publish, args=(port, messages))
            publishing.start()
            counted, seconds, cpu = map(float, await subject.said("measured", 120))
            publishing.join()
    return _Measured(counted / seconds, cpu / counted * 1e6)


def main() -> None:
    count, rounds = (30_000, 1) if is_quick(__doc__ or "") else (60_000, 5)
    rates, shown = {}, []
    for kind in _KINDS:
        measured = [asyncio.run(_round(kind, count)) for _ in range(rounds)]
        rates[kind] = statistics.median(each.metrics_per_s for each in measured)
        cpu = statistics.median(each.cpu_us for each in measured)
        shown.append((kind, f"{rates[kind]:,.0f}", f"{cpu:.1f}"))
    table(f"{count:,} messages of {len(METRICS)} values", ("", "values/s", "CPU us/value"), shown)
    result("mqtt", metrics_per_s=rates["sparkplug"], json_values_per_s=rates["mqtt"])


if __name__ == "__main__":
    main()
