"""Publishing with QoS 1, and hearing what the broker answers: aiomqtt itself keeps a refusal to itself."""

from __future__ import annotations

import asyncio
from typing import Any

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS
from paho.mqtt.reasoncodes import ReasonCode


class Publisher:
    """Publishes through a connected client, which nobody else publishes through.

    Args:
        client: the client.
        timeout_s: seconds that the broker may take to acknowledge.
    """

    def __init__(self, client: aiomqtt.Client, timeout_s: float) -> None:
        self._paho, self._timeout_s = client._client, timeout_s
        self._answers: dict[int, asyncio.Future[ReasonCode]] = {}
        self._paho.on_publish = self._on_publish

    async def publish(self, topic: str, body: bytes, *, retain: bool) -> ReasonCode:
        """Return the broker's acknowledgement, which may be a failure (MQTT 5, 3.4.2.1; MQTT 3.1.1 knows none).

        Raises:
            MqttError: the connection is gone, or the broker does not answer in time.
        """
        sent = self._paho.publish(topic, body, qos=1, retain=retain)
        if sent.rc != MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(sent.rc, "the message cannot be sent")
        answer: asyncio.Future[ReasonCode] = asyncio.get_running_loop().create_future()
        self._answers[sent.mid] = answer
        try:
            async with asyncio.timeout(self._timeout_s):
                return await answer
        except TimeoutError:
            raise aiomqtt.MqttError(f"no acknowledgement in {self._timeout_s:g} s") from None
        finally:
            del self._answers[sent.mid]

    def close(self, error: aiomqtt.MqttError) -> None:
        """Give up what is not acknowledged: the connection is gone."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)

    def _on_publish(self, _: Any, __: Any, number: int, reason: ReasonCode, ___: Any) -> None:
        answer = self._answers.get(number)
        if answer and not answer.done():
            answer.set_result(reason)
