"""An MQTT broker as a sink."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import aiomqtt

from andon.backoff import Backoff
from andon.clock import SECOND
from andon.mqtt.client import make_client
from andon.mqtt.config import MqttConnection
from andon.mqtt.publishing import Publisher
from andon.plant import Plant
from andon.telemetry import get_logger
from services.notify.answer import Answer, Later, Refused, Taken
from services.notify.config import MqttSinkConfig
from services.notify.notification import Notification

_log = get_logger(__name__)


class MqttSink:
    """Publishes each notification with QoS 1, on a connection that is made again whenever it ends.

    Args:
        config: where and how.
        plant: its names stand in the topics.

    Raises:
        ConfigError: a secret or certificate cannot be used.
    """

    def __init__(self, config: MqttSinkConfig, plant: Plant) -> None:
        self._config = config
        self._site = {"enterprise": plant.enterprise, "site": plant.site}
        self._timeout_s = config.broker.timeout / SECOND
        _check(config.broker)
        self._ready = asyncio.Event()
        self._publisher: Publisher | None = None
        self._why = ""
        self._connection: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._connection = asyncio.create_task(self._stay_connected(), name=f"mqtt-{self._config.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection:
            self._connection.cancel()
            await asyncio.wait((self._connection,))

    async def deliver(self, notification: Notification) -> Answer:
        """Publish it; a test is never kept by the broker, where it would stand for a machine's state."""
        topic = self._config.topic.format(**self._site, asset=notification.alert.asset)
        try:
            publisher = await self._reach()
            retain = self._config.retain and not notification.test
            reason = await publisher.publish(topic, notification.body, retain=retain)
        except aiomqtt.MqttError as error:
            return Later(f"{self._config.broker.address}: {error}")
        except TimeoutError:
            return Later(f"{self._config.broker.address}: no connection in {self._timeout_s:g} s {self._why}".rstrip())
        return Refused(f"the broker refuses topic {topic!r}: {reason}") if reason.is_failure else Taken()

    async def _reach(self) -> Publisher:
        """Return what publishes, once there is a connection."""
        if self._connection and self._connection.done():
            self._connection.result()  # raises what ended it
        async with asyncio.timeout(self._timeout_s):
            while self._publisher is None:
                await self._ready.wait()
        return self._publisher

    async def _stay_connected(self) -> None:
        backoff, sink = Backoff(), self._config.name
        while True:
            try:
                async with make_client(self._config.broker) as client:
                    _log.info("connected", sink=sink, broker=self._config.broker.address)
                    self._publisher = Publisher(client, self._timeout_s)
                    self._ready.set()
                    backoff.reset()
                    async for _ in client.messages:  # nothing is subscribed to: it ends when the connection does
                        pass
            except aiomqtt.MqttError as error:
                self._why = f"({error})"
                _log.warning("no connection to the broker", sink=sink, error=str(error))
                if self._publisher:
                    self._publisher.close(error)
            finally:
                self._publisher = None
                self._ready.clear()
            await asyncio.sleep(backoff.next() / SECOND)


def _check(broker: MqttConnection) -> None:
    """Refuse now what would be refused when the connection is made."""
    broker.tls.context()
    if broker.password:
        broker.password.read()
