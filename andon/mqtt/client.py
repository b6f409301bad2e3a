"""Clients of an MQTT broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Self

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from andon.clock import SECOND
from andon.mqtt.config import MqttConnection

#: Messages that wait in this process; beyond, the broker has to keep what it must (QoS 1 and 2), the rest is discarded
#: and counted.
MAX_QUEUED = 50_000
#: Messages of QoS 1 and 2 that the broker may send ahead of their acknowledgement (MQTT 5, 3.1.2.11.3).
RECEIVE_MAXIMUM = 1_000


class Message(aiomqtt.Message):
    """A message that was received.

    Attributes:
        duplicate: whether the broker says that it may have sent it before (MQTT 5, 3.3.1.1).
    """

    duplicate = False

    @classmethod
    def _from_paho_message(cls, message: MQTTMessage) -> Self:
        made = super()._from_paho_message(message)
        made.duplicate = message.dup
        return made


class _Client(aiomqtt.Client):
    """A client whose messages are `Message`, as aiomqtt's own do not say whether they are duplicates."""

    def _on_message(self, client: Any, userdata: Any, message: MQTTMessage) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # the queue has counted it
            self._queue.put_nowait(Message._from_paho_message(message))


def make_client(
    connection: MqttConnection,
    will: aiomqtt.Will | None = None,
    *,
    client_id: str | None = None,
    keep_session: int = 0,
    on_discard: Callable[[], None] | None = None,
) -> aiomqtt.Client:
    """Return a client that is not connected yet; ``async with`` connects it.

    Args:
        connection: how to reach the broker.
        will: what the broker is to say when the client is gone.
        client_id: used when the connection names none.
        keep_session: how long the broker is to keep subscriptions and messages for us, microseconds; 0: not at all.
        on_discard: called for each message for which there is no room.

    Raises:
        ConfigError: a certificate, key or secret cannot be used.
    """
    five = connection.version == "5"
    return _Client(
        connection.host,
        connection.reached_port,
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        identifier=connection.client_id or client_id,
        username=connection.username,
        password=connection.password.read().get_secret_value() if connection.password else None,
        tls_context=connection.tls.context(),
        will=will,
        keepalive=connection.keepalive // SECOND,
        timeout=connection.timeout / SECOND,
        clean_session=None if five else not keep_session,
        clean_start=not keep_session if five else MQTT_CLEAN_START_FIRST_ONLY,  # paho takes no other for 3.1.1
        properties=_properties(keep_session) if five else None,
        max_queued_incoming_messages=MAX_QUEUED,
        queue_type=_counting(on_discard),
    )


def acknowledge_by_hand(client: aiomqtt.Client) -> None:
    """Acknowledge no message of QoS 1 or 2 by itself; `acknowledge` does."""
    client._client.manual_ack_set(True)  # aiomqtt has no option for it, paho has


def acknowledge(client: aiomqtt.Client, message: aiomqtt.Message) -> None:
    """Tell the broker that a message has been taken and need not be sent again."""
    client._client.ack(message.mid, message.qos)


def _properties(keep_session: int) -> Properties:
    made = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    made.SessionExpiryInterval = keep_session // SECOND
    made.ReceiveMaximum = RECEIVE_MAXIMUM
    return made


def _counting(on_discard: Callable[[], None] | None) -> type[asyncio.Queue[aiomqtt.Message]]:
    class Queue(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            try:
                super().put_nowait(item)
            except asyncio.QueueFull:
                if on_discard:
                    on_discard()
                raise

    return Queue
