"""The MQTT source: a broker's topics, read as long as the service runs."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from andon.backoff import Backoff
from andon.clock import SECOND, Clock, wall_clock
from andon.contracts import DeadLetterReason
from andon.mqtt.client import Message, acknowledge_by_hand, make_client
from andon.plant import Plant
from andon.telemetry import Metrics, get_logger
from services.ingest.mqtt.config import Acknowledge, MqttConfig
from services.ingest.mqtt.payloads import PayloadError
from services.ingest.mqtt.rules import Rules
from services.ingest.mqtt.topics import topic_filter, widest
from services.ingest.mqtt.underway import UnderWay
from services.ingest.readings import Readings, Refusal, Signals
from services.ingest.source import Intake

_log = get_logger(__name__)
#: Counted from 0 on: the first increase of a counter is one only then.
_COUNTED = (
    "andon_source_reconnects_total",
    "andon_source_unmapped_total",
    "andon_source_discarded_total",
    "andon_source_retained_total",
    "andon_source_duplicates_total",
)
#: One dead letter of a topic that no rule fits in so long; all are counted.
_UNMAPPED_INTERVAL = 600 * SECOND
_MAX_REMEMBERED = 10_000
#: Codes from here on mean that a subscription failed (MQTT 5, 3.9.3; MQTT 3.1.1, 3.9.3).
_REFUSED = 0x80


class MqttSource:
    """Reads what the rules name of one broker.

    Attributes:
        name: the source's name.
    """

    def __init__(
        self, config: MqttConfig, signals: Signals, plant: Plant, metrics: Metrics, *, clock: Clock = wall_clock
    ) -> None:
        self.name = config.name
        self._config, self._metrics, self._clock = config, metrics, clock
        self._rules = Rules(config.rules, signals)
        self._under_way = UnderWay()
        self._told: dict[str, int] = {}
        for counter in _COUNTED:
            metrics.count(counter, 0, source=self.name)

    async def run(self, intake: Intake) -> None:
        """Deliver until cancelled, connecting again whenever the broker has gone.

        Raises:
            ConfigError: a file or secret that the connection needs is not usable.
        """
        backoff = Backoff()
        while True:
            try:
                async with self._client() as client:
                    self._metrics.set("andon_source_connected", 1, source=self.name)
                    _log.info("connected", source=self.name, broker=self._config.broker.address)
                    await self._subscribe(client)
                    backoff.reset()
                    await self._listen(client, intake)
            except aiomqtt.MqttError as error:
                _log.warning("no connection to the broker", source=self.name, error=str(error))
            finally:
                self._metrics.set("andon_source_connected", 0, source=self.name)
            self._metrics.count("andon_source_reconnects_total", source=self.name)
            await asyncio.sleep(backoff.next() / SECOND)

    def _client(self) -> aiomqtt.Client:
        client = make_client(
            self._config.broker,
            client_id=f"andon-{self.name}",
            keep_session=self._config.session,
            on_discard=partial(self._metrics.count, "andon_source_discarded_total", source=self.name),
        )
        acknowledge_by_hand(client)
        return client

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        share = f"$share/{self._config.share}/" if self._config.share else ""
        wanted = widest({topic_filter(rule.topic): rule.qos for rule in reversed(self._config.rules)})
        granted = await client.subscribe([(f"{share}{name}", qos) for name, qos in wanted.items()])
        refused = [name for name, code in zip(wanted, granted, strict=True) if _is_failure(code)]
        for name in refused:
            _log.error("the broker refuses a subscription", source=self.name, topic=name)
        self._metrics.set("andon_source_refused_items", len(refused), source=self.name)

    async def _listen(self, client: aiomqtt.Client, intake: Intake) -> None:
        async for each in client.messages:
            message = cast("Message", each)  # that is what our clients make
            if self._under_way.again(client, message):
                self._metrics.count("andon_source_duplicates_total", source=self.name)
                continue
            taken = self._under_way.begin(client, message)
            batch = await self._read(message, intake)
            if batch is None:
                taken()
            elif self._config.acknowledge is Acknowledge.DELIVERED:
                await intake.read(batch, on_safe=taken)
            else:
                await intake.read(batch)
                taken()

    async def _read(self, message: aiomqtt.Message, intake: Intake) -> Readings | None:
        """Return the readings of a message; None when it has none, and whoever must know has been told."""
        topic, body = message.topic.value, message.payload
        received = self._clock()
        try:
            data = self._checked(body)
            channel = self._rules.channel(topic)
            if message.retain and not channel.dated:
                # It was published no one knows when: to call it measured now would be a lie.
                self._metrics.count("andon_source_retained_total", source=self.name)
                return None
            batch, unmapped = channel.read(data, received)
        except PayloadError as error:
            await self._refuse(intake, topic, error, body, received)
            return None
        if unmapped:
            names = ", ".join(sorted(unmapped)[:5])
            text = f"{names} in the body of topic {topic!r}: no tags of the asset's class (map them, or add them)"
            await self._refuse(intake, topic, PayloadError(DeadLetterReason.UNMAPPED, text), body, received)
        return batch if len(batch) else None

    def _checked(self, body: object) -> bytes:
        if not isinstance(body, (bytes, bytearray)):
            raise PayloadError(DeadLetterReason.MALFORMED, "the message has no body")
        if len(body) > self._config.max_bytes:
            text = f"a body of {len(body)} bytes, {self._config.max_bytes} are allowed (max_bytes)"
            raise PayloadError(DeadLetterReason.TOO_LARGE, text)
        return bytes(body)

    async def _refuse(self, intake: Intake, topic: str, error: PayloadError, body: object, now: int) -> None:
        if error.reason is DeadLetterReason.UNMAPPED:
            self._metrics.count("andon_source_unmapped_total", source=self.name)
            if now - self._told.get(topic, -_UNMAPPED_INTERVAL) < _UNMAPPED_INTERVAL:
                return
            if len(self._told) >= _MAX_REMEMBERED:
                self._told.clear()
            self._told[topic] = now
        payload = bytes(body) if isinstance(body, (bytes, bytearray)) else b""
        await intake.refuse(Refusal(topic, error.reason, str(error), payload))


def _is_failure(code: object) -> bool:
    return code.is_failure if isinstance(code, ReasonCode) else isinstance(code, int) and code >= _REFUSED
