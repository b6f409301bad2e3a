"""A simulated Sparkplug B edge node, for the demo and the tests of the host application.

`EdgeNode` makes the messages: values in, (topic, payload) out. `connected` puts it on an MQTT broker, where it is born,
answers requests for a rebirth and leaves its death with the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import aiomqtt

from andon.clock import MILLISECOND, Clock, wall_clock
from andon.sparkplug.v1.payload_pb2 import Metric, Payload
from andon.uns import SparkplugMessage, SparkplugTopic
from services.ingest.sparkplug.datatypes import DataType
from services.ingest.sparkplug.payload import BDSEQ, REBIRTH

#: A value that an edge node can send.
Value = float | int | bool | str | None
#: MQTT topic and payload.
Outgoing = tuple[str, bytes]


class EdgeNode:
    """An edge node with devices; counts sessions and messages as the specification asks for.

    Args:
        group: its group id.
        node: its edge node id.
        metrics: device id (None: the edge node itself) to its metrics' names and first values, which fix their types.
        aliased: whether data carries aliases instead of names.
        clock: reads the time, microseconds UTC.
    """

    def __init__(
        self,
        group: str,
        node: str,
        metrics: Mapping[str | None, Mapping[str, Value]],
        *,
        aliased: bool = True,
        clock: Clock = wall_clock,
    ) -> None:
        self._group, self._node = group, node
        self._values: dict[str | None, dict[str, Value]] = {None: {}}
        self._values |= {device: dict(values) for device, values in metrics.items()}
        self._alias = {key: number for number, key in enumerate(self._keys())} if aliased else {}
        self._session = -1
        self._seq = 0
        self._clock = clock

    def _keys(self) -> list[tuple[str | None, str]]:
        return [(device, name) for device, values in self._values.items() for name in values]

    @property
    def command_topic(self) -> str:
        """The topic at which hosts ask for a rebirth."""
        return self._topic(SparkplugMessage.NCMD)

    def connect(self) -> Outgoing:
        """Begin a session and return its death, which is the last will of the connection."""
        self._session = (self._session + 1) % 256
        payload = Payload(timestamp=self._now(), metrics=[self._bdseq()])
        return self._topic(SparkplugMessage.NDEATH), payload.SerializeToString()

    def births(self) -> list[Outgoing]:
        """Return the births of the edge node and of all devices."""
        self._seq = 0
        return [self.birth(device) for device in self._values]

    def birth(self, device: str | None) -> Outgoing:
        """Return the birth of one device, such as one that has come back."""
        metrics = [self._metric(device, name, value, birth=True) for name, value in self._values[device].items()]
        if device is None:
            rebirth = Metric(name=REBIRTH, datatype=DataType.BOOLEAN, boolean_value=False, timestamp=self._now())
            metrics += [self._bdseq(), rebirth]
        return self._message(SparkplugMessage.NBIRTH if device is None else SparkplugMessage.DBIRTH, device, metrics)

    def data(
        self, device: str | None, values: Mapping[str, Value], *, time: int | None = None, historical: bool = False
    ) -> Outgoing:
        """Return new values of a device, or of the edge node itself (None); *time*: microseconds UTC, null is now."""
        if not historical:
            self._values[device].update(values)
        metrics = [self._metric(device, name, value, time, historical) for name, value in values.items()]
        return self._message(SparkplugMessage.NDATA if device is None else SparkplugMessage.DDATA, device, metrics)

    def device_death(self, device: str) -> Outgoing:
        """Return the death of a device."""
        return self._message(SparkplugMessage.DDEATH, device, [])

    def _message(self, kind: SparkplugMessage, device: str | None, metrics: list[Metric]) -> Outgoing:
        payload = Payload(timestamp=self._now(), metrics=metrics, seq=self._seq)
        self._seq = (self._seq + 1) % 256
        return self._topic(kind, device), payload.SerializeToString()

    def _metric(
        self,
        device: str | None,
        name: str,
        value: Value,
        time: int | None = None,
        historical: bool = False,
        *,
        birth: bool = False,
    ) -> Metric:
        metric = Metric(timestamp=self._now() if time is None else time // MILLISECOND)
        if (alias := self._alias.get((device, name))) is not None:
            metric.alias = alias
        if birth or alias is None:
            metric.name = name
        if historical:
            metric.is_historical = True
        _set_value(metric, value)
        return metric

    def _bdseq(self) -> Metric:
        return Metric(name=BDSEQ, datatype=DataType.INT64, long_value=self._session, timestamp=self._now())

    def _topic(self, kind: SparkplugMessage, device: str | None = None) -> str:
        return str(SparkplugTopic(self._group, kind, self._node, device))

    def _now(self) -> int:
        return self._clock() // MILLISECOND


def _set_value(metric: Metric, value: Value) -> None:
    match value:
        case None:
            metric.datatype, metric.is_null = DataType.DOUBLE, True
        case bool():
            metric.datatype, metric.boolean_value = DataType.BOOLEAN, value
        case int():
            metric.datatype, metric.long_value = DataType.INT64, value % 2**64
        case float():
            metric.datatype, metric.double_value = DataType.DOUBLE, value
        case str():
            metric.datatype, metric.string_value = DataType.STRING, value


class Connection:
    """An edge node on a broker.

    Attributes:
        rebirths: how often it was asked for its births.
    """

    def __init__(self, node: EdgeNode, client: aiomqtt.Client) -> None:
        self.rebirths = 0
        self._node, self._client = node, client
        self._order = asyncio.Lock()

    async def publish(
        self, device: str | None, values: Mapping[str, Value], *, time: int | None = None, historical: bool = False
    ) -> None:
        """Publish what `EdgeNode.data` makes, never between the births of a rebirth."""
        async with self._order:
            await self.send(self._node.data(device, values, time=time, historical=historical))

    async def send(self, *messages: Outgoing) -> None:
        """Publish messages as they are."""
        for topic, body in messages:
            await self._client.publish(topic, body)

    async def answer(self) -> None:
        """Answer requests for a rebirth until cancelled."""
        async for message in self._client.messages:
            payload = Payload.FromString(bytes(message.payload))
            if any(metric.name == REBIRTH and metric.boolean_value for metric in payload.metrics):
                self.rebirths += 1
                async with self._order:
                    await self.send(*self._node.births())


@contextlib.asynccontextmanager
async def connected(node: EdgeNode, host: str, port: int) -> AsyncIterator[Connection]:
    """Connect an edge node to a broker for the length of an `async with` block; at its end the node dies.

    Raises:
        aiomqtt.MqttError: the broker cannot be reached or the connection is gone.
    """
    topic, death = node.connect()
    async with aiomqtt.Client(host, port, will=aiomqtt.Will(topic, death, qos=1)) as client:
        connection = Connection(node, client)
        await client.subscribe(node.command_topic, qos=1)
        await connection.send(*node.births())
        answering = asyncio.create_task(connection.answer())
        try:
            yield connection
            if not answering.done():
                await client.publish(topic, death, qos=1)
        finally:
            answering.cancel()
