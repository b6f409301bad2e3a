"""The Sparkplug source on a real MQTT broker, with edge nodes that answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiomqtt
import pytest

from andon.contracts import Origin
from andon.telemetry import Metrics
from sandbox.edge_node import EdgeNode, connected
from sandbox.mosquitto import Mosquitto
from services.ingest.sparkplug.source import SparkplugSource

from .collecting import Collecting
from .floor import GROUP, METRICS, NODE, NODE_TOPIC, OTHER, PLANT, PUMP, SIGNALS, config, pump

STARTS = (pump(), "starts")
POWER = ("water/line-1", "power")
NCMD = NODE_TOPIC % "NCMD"


@dataclass
class Running:
    """A source at work on a broker."""

    broker: Mosquitto
    intake: Collecting
    metrics: Metrics
    task: asyncio.Task[None]

    def node(self, *, aliased: bool = True) -> EdgeNode:
        return EdgeNode(GROUP, NODE, METRICS, aliased=aliased)

    async def told(self, name: tuple[str, str], value: object) -> None:
        """Wait until the newest value of a signal is *value*."""
        await self.intake.until(lambda: name in self.intake.latest and self.intake.latest[name] == value)

    def refused(self) -> list[str]:
        return [str(refusal.reason) for refusal in self.intake.refusals]


@contextlib.asynccontextmanager
async def source(broker: Mosquitto, host_id: str, version: str = "5") -> AsyncIterator[Running]:
    """Run a source until the end of the block; returns when it has said that it is online."""
    metrics, intake = Metrics("ingest"), Collecting(SIGNALS)
    settings = config(
        broker={"host": broker.host, "port": broker.port, "version": version},
        host_id=host_id,
        reorder_timeout="200ms",
    )
    task = asyncio.create_task(SparkplugSource(settings, SIGNALS, PLANT, metrics).run(intake))
    try:
        await state(broker, host_id, online=True)
        yield Running(broker, intake, metrics, task)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def state(broker: Mosquitto, host_id: str, *, online: bool) -> int:
    """Wait until the broker keeps a STATE that says so, and return its timestamp."""
    async with asyncio.timeout(10), aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(f"spBv1.0/STATE/{host_id}", qos=1)
        async for message in client.messages:
            said = json.loads(bytes(message.payload))
            if said["online"] is online:
                return int(said["timestamp"])
    raise AssertionError("the broker has gone")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_births_data_history_and_deaths(broker: Mosquitto, version: str) -> None:
    async with source(broker, f"host-1-{version}", version) as at:
        async with connected(at.node(), broker.host, broker.port) as edge:
            await at.told((pump(2), "mode"), "hand")
            for count in range(300):
                await edge.publish(PUMP, {"starts": count})
            await at.told(STARTS, 299)
            await edge.publish(PUMP, {"starts": 7}, time=1_000_000, historical=True)
            await edge.publish(None, {"power": 12.0})
            await at.told(POWER, 12.0)
            (history,) = (batch for batch in at.intake.batches if batch.origin is Origin.BACKFILL)
            assert (history.values, history.source_times) == ([7], [1_000_000])
            assert edge.rebirths == 0
            assert at.intake.expected == set(range(len(SIGNALS)))
        await at.told(STARTS, None)
        assert at.intake.latest[POWER] is None
        assert at.refused() == []


async def test_a_host_that_comes_late_asks_for_births(broker: Mosquitto) -> None:
    node = EdgeNode(GROUP, NODE, METRICS)
    async with connected(node, broker.host, broker.port) as edge:
        async with source(broker, "host-2") as earlier:
            await earlier.told(STARTS, 3)
            before = edge.rebirths
        async with source(broker, "host-2") as at:
            await edge.publish(PUMP, {"starts": 2})
            await at.told(STARTS, 2)
            assert at.refused() == ["no_birth"]
            assert edge.rebirths == before + 1
            await edge.publish(PUMP, {"starts": 3})
            await at.told(STARTS, 3)


async def test_a_lost_message_leads_to_a_rebirth(broker: Mosquitto) -> None:
    async with source(broker, "host-3") as at:
        node = at.node()
        async with connected(node, broker.host, broker.port) as edge:
            await at.told(STARTS, 3)
            node.data(PUMP, {"starts": 10})  # lost
            await edge.publish(OTHER, {"starts": 11})
            await at.told((pump(2), "starts"), 11)  # from the birth that the edge node was asked for
            assert edge.rebirths == 1
            await edge.publish(PUMP, {"starts": 12})
            await at.told(STARTS, 12)
            assert at.refused() == ["no_birth"]
            assert b'andon_source_rebirths_total{service="ingest",source="floor"} 1.0' in at.metrics.exposition()


async def test_two_edge_nodes_of_one_name_are_noticed_and_do_not_stop_the_source(broker: Mosquitto) -> None:
    async with source(broker, "host-4") as at:
        async with (
            connected(at.node(), broker.host, broker.port) as one,
            connected(at.node(), broker.host, broker.port) as two,
        ):
            for count in range(20):
                await one.publish(PUMP, {"starts": count})
                await two.publish(PUMP, {"starts": -count})
            await at.intake.until(lambda: "no_birth" in at.refused())
            assert one.rebirths + two.rebirths <= 2 * 2
        async with connected(at.node(), broker.host, broker.port) as edge:
            await edge.publish(PUMP, {"starts": 77})
            await at.told(STARTS, 77)


async def test_bytes_that_are_no_payload_are_one_dead_letter(broker: Mosquitto) -> None:
    async with source(broker, "host-5") as at, aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish(f"spBv1.0/{GROUP}/DDATA/{NODE}/{PUMP}", b"\xff\x00")
        await at.intake.until(lambda: at.refused() == ["malformed"])
        assert at.intake.refusals[0].payload == b"\xff\x00"


async def test_the_host_says_whether_it_is_there(broker: Mosquitto) -> None:
    async with source(broker, "host-6"):
        since = await state(broker, "host-6", online=True)
        async with aiomqtt.Client(broker.host, broker.port) as client:
            offline = json.dumps({"online": False, "timestamp": since}).encode()
            await client.publish("spBv1.0/STATE/host-6", offline, qos=1, retain=True)  # an old last will, too late
        assert await state(broker, "host-6", online=True) == since
    assert await state(broker, "host-6", online=False) > since


async def test_after_a_broker_has_bounced_everybody_is_back(broker: Mosquitto) -> None:
    async with source(broker, "host-7") as at:
        with contextlib.suppress(aiomqtt.MqttError):
            async with connected(at.node(), broker.host, broker.port):
                await at.told(STARTS, 3)
                broker.restart()
                await state(broker, "host-7", online=True)
        async with connected(at.node(), broker.host, broker.port) as edge:
            await edge.publish(PUMP, {"starts": 88})
            await at.told(STARTS, 88)
            assert edge.rebirths == 0
        assert not at.task.done()
