"""Sparkplug B from an MQTT broker: metrics a second that one process takes in."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import statistics
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import aiomqtt
import orjson
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from andon.errors import ConfigError
from bench.child import child
from bench.common import BenchError, Bus, bus, is_quick, result, table
from sandbox.broker import free_port
from sandbox.edge_node import EdgeNode, Outgoing, Value

METRICS = tuple(f"m{number}" for number in range(16))
DEVICES = 8
_HOST = "127.0.0.1"
_PLANT = {
    "enterprise": "acme",
    "site": "bench",
    "classes": {"machine": {"scan": "50ms", "tags": {name: {} for name in METRICS}}},
    "assets": {f"hall/line-1/machine-{number}": {"class": "machine"} for number in range(DEVICES)},
}


@dataclass(frozen=True, slots=True)
class _Measured:
    metrics_per_s: float
    cpu_us: float


def _messages(count: int) -> list[Outgoing]:
    """Return the births of an edge node with its devices, and *count* messages of theirs with all metrics each."""
    machines: dict[str | None, dict[str, Value]] = {
        f"machine-{number}": dict.fromkeys(METRICS, 50.0) for number in range(DEVICES)
    }
    node = EdgeNode("acme:bench", "hall:line-1", machines)
    node.connect()
    devices = [device for device in machines if device]
    data = (
        node.data(devices[number % DEVICES], {name: number + index / 16 for index, name in enumerate(METRICS)})
        for number in range(count)
    )
    return [*node.births(), *data]


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
    settings.write_text(f"listener {port} {_HOST}\nallow_anonymous true\nmax_queued_messages 0\nlog_dest none\n")
    process = subprocess.Popen([program, "-c", str(settings)])
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


async def _listening(port: int, host_id: str) -> None:
    """Wait until the host application has said that it is online."""
    while True:
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client(_HOST, port) as client:
                await client.subscribe(f"spBv1.0/STATE/{host_id}", qos=1)
                async for message in client.messages:
                    if b"true" in bytes(message.payload):
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


async def _round(messages: list[Outgoing]) -> _Measured:
    expected = len(METRICS) * (len(messages) - 1)  # births have them all, too; that of the edge node has none
    with bus(_PLANT) as on, _mosquitto(on) as port:
        config = {"name": "bench", "kind": "sparkplug", "broker": {"host": _HOST, "port": port}}
        with child(on, "bench.subjects.counting_source", [orjson.dumps(config).decode(), str(expected)]) as subject:
            async with asyncio.timeout(30):
                await _listening(port, "andon")
            publishing = threading.Thread(target=_publish, args=(port, messages))
            publishing.start()
            count, seconds, cpu = map(float, await subject.said("measured", 120))
            publishing.join()
    if seconds <= 0:
        raise BenchError("all came at once; more messages are needed for a rate")
    return _Measured(count / seconds, cpu / count * 1e6)


def main() -> None:
    count, rounds = (30_000, 1) if is_quick(__doc__ or "") else (60_000, 5)
    messages = _messages(count)
    measured = [asyncio.run(_round(messages)) for _ in range(rounds)]
    rate = statistics.median(each.metrics_per_s for each in measured)
    cpu = statistics.median(each.cpu_us for each in measured)
    table(
        f"{count:,} Sparkplug messages of {len(METRICS)} metrics",
        ("", "metrics/s", "CPU us/metric"),
        [("sparkplug source", f"{rate:,.0f}", f"{cpu:.1f}")],
    )
    result("mqtt", metrics_per_s=rate, cpu_us_per_metric=cpu)


if __name__ == "__main__":
    main()
