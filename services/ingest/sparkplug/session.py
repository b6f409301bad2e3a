"""One connection of the host application to its broker: carries out what the state machine says."""

from __future__ import annotations

import asyncio
import contextlib

import aiomqtt

from andon.clock import Clock
from andon.telemetry import Metrics, get_logger
from andon.uns import SparkplugState
from services.ingest.source import Intake
from services.ingest.sparkplug.host import Host
from services.ingest.sparkplug.outcome import Outcome
from services.ingest.sparkplug.payload import host_state, rebirth_command

_log = get_logger(__name__)
#: How often to look whether something has fallen due, seconds.
_TICK_S = 0.1
#: The first of MQTT's reason codes that say no (MQTT 5.0, 2.4).
_FAILURE = 0x80


def last_will(host_id: str, since: int) -> aiomqtt.Will:
    """Return what the broker is to say when this host is gone; *since*: when it connects, microseconds UTC."""
    return aiomqtt.Will(str(SparkplugState(host_id)), host_state(False, since), qos=1, retain=True)


class HostSession:
    """The host application while it is connected.

    Args:
        source: the source's name.
        host_id: the name under which it says that it is online.
        host: what it knows; outlives the connection.
        client: connected, with `last_will` of the same *since*.
        since: when it connected, microseconds UTC.
    """

    def __init__(
        self, source: str, host_id: str, host: Host, client: aiomqtt.Client, metrics: Metrics, clock: Clock, since: int
    ) -> None:
        self._source, self._host, self._client = source, host, client
        self._state_topic = str(SparkplugState(host_id))
        self._metrics, self._clock, self._since = metrics, clock, since
        self._turn = asyncio.Lock()

    async def begin(self, intake: Intake) -> None:
        """Subscribe, and say that the host is online.

        Raises:
            aiomqtt.MqttError: the broker does not allow it, or the connection is gone.
        """
        filters = list(self._host.subscriptions())
        granted = await self._client.subscribe([(topic, 1) for topic in filters])
        codes = [code if isinstance(code, int) else code.value for code in granted]
        if refused := [topic for topic, code in zip(filters, codes, strict=True) if code >= _FAILURE]:
            raise aiomqtt.MqttError(f"the broker does not let this client read {', '.join(refused)}")
        await self._say(online=True)
        await self._carry_out(self._host.doubt(self._clock()), intake)

    async def run(self, intake: Intake) -> None:
        """Listen until cancelled; then say that the host is offline.

        Raises:
            aiomqtt.MqttError: the connection is gone.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(intake))
                tasks.create_task(self._tick(intake))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        except asyncio.CancelledError:
            with contextlib.suppress(aiomqtt.MqttError):
                await self._say(online=False)
            raise

    async def _say(self, *, online: bool) -> None:
        since = self._since if online else self._clock()
        await self._client.publish(self._state_topic, host_state(online, since), qos=1, retain=True)
        _log.info("host application", source=self._source, topic=self._state_topic, online=online)

    async def _listen(self, intake: Intake) -> None:
        async for message in self._client.messages:
            async with self._turn:
                topic, body = message.topic.value, bytes(message.payload)
                out = self._host.receive(topic, body, self._clock(), retained=message.retain)
                await self._carry_out(out, intake)

    async def _tick(self, intake: Intake) -> None:
        """Let the state machine know that time passes."""
        while True:
            await asyncio.sleep(_TICK_S)
            async with self._turn:
                now = self._clock()
                if (due := self._host.due) is not None and due <= now:
                    await self._carry_out(self._host.tick(now), intake)
            self._metrics.set("andon_source_edge_nodes", self._host.born, source=self._source)

    async def _carry_out(self, out: Outcome, intake: Intake) -> None:
        if out.expected:
            intake.expect(out.expected, self._clock())
        for batch in out.readings:
            await intake.read(batch)
        for refusal in out.refusals:
            await intake.refuse(refusal)
        for topic in out.rebirths:
            _log.warning("asking for a rebirth", source=self._source, topic=topic)
            await self._client.publish(topic, rebirth_command(self._clock()))
        if out.state_denied:
            await self._say(online=True)
        self._count(out)

    def _count(self, out: Outcome) -> None:
        for name, amount in (
            ("andon_source_unmapped_total", out.unmapped),
            ("andon_source_gaps_total", out.gaps),
            ("andon_source_rebirths_total", len(out.rebirths)),
        ):
            if amount:
                self._metrics.count(name, amount, source=self._source)
