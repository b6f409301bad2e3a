"""One connection to an OPC UA server, from connect to its end: subscribe, deliver, and prove that data flows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import NoReturn

from asyncua import ua

from andon.clock import SECOND, Clock
from andon.telemetry import Metrics, get_logger
from services.ingest.opcua.config import OpcUaConfig
from services.ingest.opcua.security import SecureClient, secure
from services.ingest.opcua.selection import Item, select
from services.ingest.opcua.subscription import Items, Watched, subscription_parameters
from services.ingest.opcua.values import add_items
from services.ingest.readings import GOOD, Readings, Signals
from services.ingest.source import Intake

_log = get_logger(__name__)
#: Keep-alives that may be missing before the connection counts as dead.
_PATIENCE = 3
_CLOSE_S = 2.0
#: A first value that is older was not measured for us: the server says that it is still so now.
_OLD = 60 * SECOND


#: How often to pass on that the server is there, at most.
_CONFIRM_INTERVAL = SECOND // 2


class DeadConnectionError(ConnectionError):
    """No data and no keep-alive came in time, or the server ended the subscription."""


class Connection:
    """One connection.

    Args:
        config: the source's configuration.
        signals: the plant's tags.
        newest: newest source time of each signal that was delivered, by any connection; kept up to date.
        metrics: where to count.
        clock: microseconds UTC.
    """

    def __init__(
        self, config: OpcUaConfig, signals: Signals, newest: dict[int, int], metrics: Metrics, clock: Clock
    ) -> None:
        self._config, self._signals, self._newest = config, signals, newest
        self._metrics, self._clock = metrics, clock
        self._client = SecureClient(config.url, timeout=config.timeout / SECOND)
        self._items: Items | None = None
        self._refused: list[Item] = []
        self._all: Sequence[int] = ()
        self._confirm_at = 0
        self._first: set[int] = set()
        self._intake: Intake | None = None
        self._heard = time.monotonic()
        self._sequence: int | None = None
        self._ended: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        #: Whether values have come: then the way to the server is sound, and a later failure is a new one.
        self.proved = False

    async def run(self, intake: Intake) -> None:
        """Connect and deliver until the connection is no good any more.

        Raises:
            DeadConnectionError: nothing comes any more.
            SecurityError: the connection would be less secure than it must be.
            UaError, OSError, TimeoutError: the server cannot be reached, or does not answer as it must.
        """
        await secure(
            self._client, self._config.security, source=self._config.name, metrics=self._metrics, clock=self._clock
        )
        try:
            await self._client.connect()
            await self._subscribe(intake)
            await self._watch()
        finally:
            await self._close()

    async def _subscribe(self, intake: Intake) -> None:
        self._intake = intake
        selection = await select(self._client, self._config.select, self._signals)
        for finding in selection.findings:
            _log.warning("selection", source=self._config.name, finding=str(finding))
        self._metrics.set("andon_source_findings", len(selection.findings), source=self._config.name)
        session = self._client.uaclient.session
        self._all = [item.signal for item in selection.items]
        self._first = set(self._all)
        intake.expect(self._all, self._clock())
        made = await session.create_subscription(subscription_parameters(self._config), self._on_publish)
        self._items = Items(self._client, made.SubscriptionId, self._config)
        self._heard = time.monotonic()
        watched = await self._items.watch(selection.items)
        self._tell(watched, len(selection.items))
        self._refused = [item for item, _ in watched.refused]

    def _tell(self, watched: Watched, asked: int) -> None:
        name = self._config.name
        for item, reason in watched.refused[:20]:
            _log.warning("the server does not watch a variable", source=name, node=item.address, reason=reason)
        for item in watched.unfiltered[:20]:
            _log.warning("the server watches a variable without its deadband", source=name, node=item.address)
        self._metrics.set("andon_source_unfiltered_items", len(watched.unfiltered), source=name)
        self._metrics.set("andon_source_refused_items", len(watched.refused), source=name)
        self._metrics.set("andon_source_items", asked - len(watched.refused), source=name)
        self._metrics.set("andon_source_connected", 1, source=name)
        _log.info("subscribed", source=name, url=self._config.url, items=asked, refused=len(watched.refused))

    async def _on_publish(self, result: ua.PublishResult) -> None:
        """Take a publish response; asyncua sends no further request before this returns, so a slow intake slows it."""
        self._heard = time.monotonic()
        message = result.NotificationMessage
        self._check_sequence(int(message.SequenceNumber), has_data=bool(message.NotificationData))
        batch = Readings(self._clock())
        for notification in message.NotificationData or ():
            if isinstance(notification, ua.DataChangeNotification):
                self._take(batch, notification)
            elif isinstance(notification, ua.StatusChangeNotification):
                self._end(f"the server ended the subscription: {notification.Status.name}")
        intake = self._intake
        if intake is None:
            return
        if batch.received >= self._confirm_at:
            self._confirm_at = batch.received + _CONFIRM_INTERVAL
            await intake.confirm(self._all, batch.received)
        if len(batch):
            self.proved = True
            await intake.read(batch)

    def _take(self, batch: Readings, notification: ua.DataChangeNotification) -> None:
        if self._items is None:
            return
        begin = len(batch)
        overflows = add_items(batch, notification.MonitoredItems or (), self._items.signal_of)
        if overflows:
            self._metrics.count("andon_source_overflows_total", overflows, source=self._config.name)
        if self._first:
            self._sort_out_first(batch, begin)
        self._newest.update(zip(batch.signals[begin:], _known(batch.source_times[begin:]), strict=True))

    def _sort_out_first(self, batch: Readings, begin: int) -> None:
        """Date the first value of each item, which the server sends whether it is new or not.

        What has been delivered before, by a former connection, is taken out. A value that has rested for long is so
        now, as the server says: it counts as of now.
        """
        kept = Readings(batch.received)
        rows = zip(batch.signals, batch.values, batch.source_times, batch.server_times, batch.statuses, strict=True)
        for place, (signal, value, source_time, server_time, status) in enumerate(rows):
            if place >= begin and signal in self._first:
                self._first.discard(signal)
                if source_time is not None and source_time == self._newest.get(signal):
                    continue
                if source_time is not None and status == GOOD and 0 < source_time < batch.received - _OLD:
                    self._metrics.count("andon_source_times_replaced_total", source=self._config.name, reason="resting")
                    source_time = None
            kept.add(signal, value, source_time, server_time, status)
        batch.signals, batch.values, batch.statuses = kept.signals, kept.values, kept.statuses
        batch.source_times, batch.server_times = kept.source_times, kept.server_times

    def _check_sequence(self, number: int, *, has_data: bool) -> None:
        """Notice messages that were lost on the way; a keep-alive carries the number of the next message."""
        expected = self._sequence
        if expected is not None and number != expected:
            self._metrics.count("andon_source_gaps_total", source=self._config.name)
            _log.warning("messages were lost", source=self._config.name, expected=expected, came=number)
        self._sequence = (number % 0xFFFFFFFF) + 1 if has_data else number

    async def _watch(self) -> NoReturn:
        """Wait until nothing comes any more; meanwhile ask again for what the server refused."""
        timeout = _PATIENCE * max(self._config.keepalive, self._config.publishing) / SECOND
        retry = time.monotonic() + self._config.retry_refused / SECOND
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout / 6):
                    await asyncio.shield(self._ended)
            if time.monotonic() - self._heard > timeout:
                raise DeadConnectionError(f"no data and no keep-alive for {timeout:g} s")
            if self._refused and self._items and time.monotonic() > retry:
                retry = time.monotonic() + self._config.retry_refused / SECOND
                await self._retry(self._items)

    async def _retry(self, items: Items) -> None:
        watched = await items.watch(self._refused)
        if len(watched.refused) < len(self._refused):
            self._tell(watched, len(self._all))
        self._refused = [item for item, _ in watched.refused]

    def _end(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_exception(DeadConnectionError(reason))

    async def _close(self) -> None:
        """Leave the session, which deletes its subscription; a server that does not answer is left at once."""
        self._metrics.set("andon_source_connected", 0, source=self._config.name)
        if self._ended.done():
            self._ended.exception()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._client.disconnect()
        except (TimeoutError, OSError, ua.UaError):
            self._client.disconnect_socket()


def _known(times: Sequence[int | None]) -> list[int]:
    return [-1 if time is None else time for time in times]
