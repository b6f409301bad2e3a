"""The Sparkplug source: a host application that is connected, or about to be."""

from __future__ import annotations

import asyncio
from functools import partial

import aiomqtt

from andon.backoff import Backoff
from andon.clock import SECOND, Clock, wall_clock
from andon.mqtt.client import make_client
from andon.plant import Plant
from andon.telemetry import Metrics, get_logger
from services.ingest.readings import Signals
from services.ingest.source import Intake
from services.ingest.sparkplug.config import SparkplugConfig
from services.ingest.sparkplug.host import Host
from services.ingest.sparkplug.session import HostSession, last_will

_log = get_logger(__name__)
#: Counted from 0 on: the first increase of a counter is one only then.
_COUNTED = (
    "andon_source_reconnects_total",
    "andon_source_unmapped_total",
    "andon_source_gaps_total",
    "andon_source_rebirths_total",
    "andon_source_discarded_total",
)


class SparkplugSource:
    """Reads the edge nodes of one MQTT broker.

    Attributes:
        name: the source's name.
    """

    def __init__(
        self, config: SparkplugConfig, signals: Signals, plant: Plant, metrics: Metrics, *, clock: Clock = wall_clock
    ) -> None:
        self.name = config.name
        self._config, self._metrics, self._clock = config, metrics, clock
        self._host = Host(config, plant, signals)
        for counter in _COUNTED:
            metrics.count(counter, 0, source=self.name)

    async def run(self, intake: Intake) -> None:
        """Deliver until cancelled, connecting again whenever the broker has gone.

        Raises:
            ConfigError: a file or secret that the connection needs is not usable.
        """
        backoff = Backoff()
        while True:
            since = self._clock()
            try:
                async with self._client(since) as client:
                    session = self._session(client, since)
                    await session.begin(intake)
                    self._metrics.set("andon_source_connected", 1, source=self.name)
                    backoff.reset()
                    await session.run(intake)
            except aiomqtt.MqttError as error:
                _log.warning("no connection to the broker", source=self.name, error=str(error))
            finally:
                self._metrics.set("andon_source_connected", 0, source=self.name)
            self._metrics.count("andon_source_reconnects_total", source=self.name)
            await asyncio.sleep(backoff.next() / SECOND)

    def _client(self, since: int) -> aiomqtt.Client:
        return make_client(
            self._config.broker,
            last_will(self._config.host_id, since),
            client_id=f"andon-{self.name}",
            on_discard=partial(self._metrics.count, "andon_source_discarded_total", source=self.name),
        )

    def _session(self, client: aiomqtt.Client, since: int) -> HostSession:
        return HostSession(self.name, self._config.host_id, self._host, client, self._metrics, self._clock, since)
