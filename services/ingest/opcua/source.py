"""The OPC UA source: a server's variables, subscribed to as long as the service runs."""

from __future__ import annotations

import asyncio
import logging

from asyncua import ua

from andon.backoff import Backoff
from andon.clock import SECOND, Clock, wall_clock
from andon.plant import Plant
from andon.telemetry import Metrics, get_logger
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.opcua.connection import Connection
from services.ingest.opcua.refusals import explain
from services.ingest.opcua.security import SecurityError
from services.ingest.readings import Signals
from services.ingest.source import Intake

_log = get_logger(__name__)
#: Counted from 0 on: the first increase of a counter is one only then.
_COUNTED = (
    "andon_source_reconnects_total",
    "andon_source_gaps_total",
    "andon_source_overflows_total",
)
#: The longest wait between two attempts: a restarted PLC should be back within seconds.
_LONGEST_WAIT = 5 * SECOND


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a line of asyncua's says what no exception does: that it could not read an answer."""
    return record.levelno >= logging.ERROR and "Publish iteration crashed" not in record.getMessage()


#: asyncua logs what it also raises, with tracebacks; this service says it once, in plain words.
for _name in ("client.client", "client.ua_client", "client.ua_session", "client.ua_session.UaSession"):
    logging.getLogger(f"asyncua.{_name}").addFilter(_is_news)


class OpcUaSource:
    """Reads the variables of one OPC UA server.

    Nobody else connects again: asyncua's own reconnection is off, so no subscription is ever there twice.

    Attributes:
        name: the source's name.
    """

    def __init__(
        self, config: OpcUaConfig, signals: Signals, plant: Plant, metrics: Metrics, *, clock: Clock = wall_clock
    ) -> None:
        self.name = config.name
        self._config, self._signals, self._metrics, self._clock = config, signals, metrics, clock
        self._newest: dict[int, int] = {}
        for counter in _COUNTED:
            metrics.count(counter, 0, source=self.name)

    async def run(self, intake: Intake) -> None:
        """Deliver until cancelled, connecting again whenever the connection is no good any more.

        Raises:
            ConfigError: certificates, keys or passwords cannot be used.
        """
        backoff = Backoff(limit=_LONGEST_WAIT)
        while True:
            connection = Connection(self._config, self._signals, self._newest, self._metrics, self._clock)
            try:
                await connection.run(intake)
            except (SecurityError, OSError, TimeoutError, ua.UaError) as error:
                _log.warning(
                    "no connection to the server", source=self.name, url=self._config.url, reason=explain(error)
                )
            if connection.proved:
                backoff.reset()
            self._metrics.count("andon_source_reconnects_total", source=self.name)
            await asyncio.sleep(backoff.next() / SECOND)
