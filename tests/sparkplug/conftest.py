"""A real MQTT broker for the tests that need one: Mosquitto, or amqtt where that is not installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.mqtt_broker import MqttBroker, mqtt_broker


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MqttBroker]:
    """A broker that tests share; each has a host id of its own."""
    with mqtt_broker(tmp_path_factory.mktemp("mqtt")) as running:
        yield running
