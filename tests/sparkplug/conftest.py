"""A real MQTT broker for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.broker import BrokerError
from sandbox.mosquitto import Mosquitto


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker that tests share; each has a host id of its own."""
    try:
        running = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    except BrokerError as error:
        pytest.skip(str(error))
    running.start()
    yield running
    running.stop()
