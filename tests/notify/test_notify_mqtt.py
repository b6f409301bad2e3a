"""Alerts to a real MQTT broker: kept for whoever subscribes later, over restarts, and refusals that are heard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import orjson
import pytest

from andon.contracts import AlertState
from andon.settings import KafkaSettings
from sandbox.mosquitto import Mosquitto, program
from services.notify.answer import Answer, Later, Refused, Taken
from services.notify.config import MqttSinkConfig
from services.notify.notification import trial
from services.notify.sinks.mqtt import MqttSink
from tests.notify.alerts import OTHER, PUMP, T0, alert, parcel, plant
from tests.notify.rig import made

pytestmark = pytest.mark.skipif(program() is None, reason="Mosquitto is not installed")
TOPIC = f"andon/north/{PUMP}/alert"


def config(broker: Mosquitto, *, version: str = "5", **other: Any) -> MqttSinkConfig:
    reached = {"host": broker.host, "port": broker.port, "timeout": "1s", "version": version}
    return MqttSinkConfig.model_validate({"name": "scada", "kind": "mqtt", "broker": reached} | other)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    running = Mosquitto(tmp_path)
    running.start()
    yield running
    running.stop()


@contextlib.asynccontextmanager
async def subscribed(broker: Mosquitto, topic: str = "#") -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(topic, qos=1)
        yield client


async def next_of(client: aiomqtt.Client) -> aiomqtt.Message:
    async with asyncio.timeout(10):
        return await anext(client.messages)


def body_of(message: aiomqtt.Message) -> dict[str, Any]:
    assert isinstance(message.payload, bytes)
    found: dict[str, Any] = orjson.loads(message.payload)
    return found


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_the_newest_state_of_a_machine_is_there_for_whoever_comes_later(broker: Mosquitto, version: str) -> None:
    async with MqttSink(config(broker, version=version), plant()) as sink:
        resolved = parcel(PUMP, 1, state=AlertState.RESOLVED).notification
        for notification in (parcel(PUMP, 0).notification, resolved, trial(plant(), T0)):
            assert await sink.deliver(notification) == Taken()
    async with subscribed(broker) as client:
        message = await next_of(client)
        assert (message.topic.value, message.retain, message.payload) == (TOPIC, True, resolved.body)


async def test_a_test_is_seen_by_those_who_listen_and_not_kept(broker: Mosquitto) -> None:
    async with MqttSink(config(broker, topic="{enterprise}/{asset}"), plant()) as sink, subscribed(broker) as client:
        assert await sink.deliver(trial(plant(), T0)) == Taken()
        message = await next_of(client)
        assert (message.topic.value, body_of(message)["test"]) == (f"acme/{PUMP}", True)
        assert await sink.deliver(parcel(OTHER).notification) == Taken()
        assert body_of(await next_of(client))["asset"] == OTHER
    async with subscribed(broker) as client:
        assert body_of(await next_of(client))["asset"] == OTHER


async def test_a_broker_that_is_away_says_later_and_is_found_again(broker: Mosquitto) -> None:
    async with MqttSink(config(broker), plant()) as sink:
        assert await sink.deliver(parcel().notification) == Taken()
        broker.stop()
        answer: Answer = await sink.deliver(parcel(PUMP, 1).notification)
        assert isinstance(answer, Later)
        broker.start()
        async with asyncio.timeout(20):
            while not isinstance(answer, Taken):
                answer = await sink.deliver(parcel(PUMP, 1).notification)


async def test_a_topic_that_the_broker_refuses_is_heard_of(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic write andon/#\n")
    broker = Mosquitto(tmp_path, settings=f"allow_anonymous true\nacl_file {tmp_path / 'acl'}")
    broker.start()
    try:
        async with MqttSink(config(broker, topic="other/{asset}"), plant()) as sink:
            answer = await sink.deliver(parcel().notification)
        assert answer == Refused(f"the broker refuses topic 'other/{PUMP}': Not authorized")
        async with MqttSink(config(broker), plant()) as sink:
            assert await sink.deliver(parcel().notification) == Taken()
    finally:
        broker.stop()


async def test_the_service_outlives_a_restart_of_the_broker_and_loses_nothing(
    broker: Mosquitto, kafka: KafkaSettings, site: str, tmp_path: Path
) -> None:
    rig = await made(kafka, site, tmp_path)
    reached = {"host": broker.host, "port": broker.port, "timeout": "1s"}
    async with rig.serving({"name": "scada", "kind": "mqtt", "broker": reached}):
        async with subscribed(broker) as client:
            await rig.raise_alerts(alert(PUMP, 0))
            assert body_of(await next_of(client))["id"] == alert(PUMP, 0).id
        broker.stop()
        await rig.raise_alerts(alert(PUMP, 1), alert(PUMP, 2), alert(OTHER, 0))
        broker.start()
        seen: dict[str, str] = {}
        async with subscribed(broker) as client, asyncio.timeout(30):
            while seen != {PUMP: alert(PUMP, 2).id, OTHER: alert(OTHER, 0).id}:
                body = body_of(await anext(client.messages))
                seen[body["asset"]] = body["id"]
    assert rig.value("andon_notifications_total", sink="scada", outcome="taken") == 4
