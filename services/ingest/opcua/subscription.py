"""One subscription at a server: its items, created within the server's limits, and what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from asyncua import Client, ua

from andon.clock import MILLISECOND
from andon.telemetry import get_logger
from services.ingest.opcua.address import node_id
from services.ingest.opcua.config import OpcUaConfig, Report
from services.ingest.opcua.selection import Item

_log = get_logger(__name__)
_MOST_ITEMS = 1_000
#: Keep-alives that may fail to come before the server gives the subscription up, at least three (part 4, 5.13.2).
_LIFETIME = 10
_TOO_MANY = (ua.uaerrors.BadTooManyOperations, ua.uaerrors.BadEncodingLimitsExceeded, ua.uaerrors.BadRequestTooLarge)
#: Answers that mean: not with this filter.
_NO_FILTER = frozenset(
    {
        ua.StatusCodes.BadDeadbandFilterInvalid,
        ua.StatusCodes.BadFilterNotAllowed,
        ua.StatusCodes.BadMonitoredItemFilterInvalid,
        ua.StatusCodes.BadMonitoredItemFilterUnsupported,
    }
)


@dataclass(slots=True)
class Watched:
    """What has come of asking for items.

    Attributes:
        refused: items that the server does not watch, with its reason.
        unfiltered: items that it watches, but without their deadband.
    """

    refused: list[tuple[Item, str]] = field(default_factory=list)
    unfiltered: list[Item] = field(default_factory=list)


def subscription_parameters(config: OpcUaConfig) -> ua.CreateSubscriptionParameters:
    """Return what to ask a server for."""
    keepalive = max(1, config.keepalive // config.publishing)
    return ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=config.publishing / MILLISECOND,
        RequestedLifetimeCount=_LIFETIME * keepalive,
        RequestedMaxKeepAliveCount=keepalive,
        MaxNotificationsPerPublish=0,
        PublishingEnabled=True,
        Priority=0,
    )


class Items:
    """The items of one subscription; a client handle is an item's place in the order in which it was asked for.

    Args:
        client: is connected.
        subscription: the subscription's id.
        config: how items are to be watched, where they do not say it themselves.

    Attributes:
        signal_of: number of the signal of each client handle.
    """

    def __init__(self, client: Client, subscription: int, config: OpcUaConfig) -> None:
        self._session, self._subscription, self._config = client.uaclient.session, subscription, config
        self.signal_of: list[int] = []
        self._most = _MOST_ITEMS

    async def watch(self, items: Sequence[Item]) -> Watched:
        """Ask for items, as many at once as the server takes. One that it refuses keeps no other from being watched.

        Raises:
            UaError: the server does not answer as it must.
        """
        await self._ask_for_limit()
        outcome = Watched()
        left = list(items)
        while left:
            batch = left[: self._most]
            try:
                await self._create(batch, outcome)
            except _TOO_MANY:
                if len(batch) == 1:
                    raise
                self._most = len(batch) // 2
                continue
            left = left[len(batch) :]
        return outcome

    async def _create(self, batch: Sequence[Item], outcome: Watched) -> None:
        results = await self._call(batch, filtered=True)
        again = []
        for item, result in zip(batch, results, strict=True):
            if result.StatusCode.is_good():
                continue
            if result.StatusCode.value in _NO_FILTER:
                again.append(item)
            else:
                outcome.refused.append((item, result.StatusCode.name))
        if again:
            for item, result in zip(again, await self._call(again, filtered=False), strict=True):
                if result.StatusCode.is_good():
                    outcome.unfiltered.append(item)
                else:
                    outcome.refused.append((item, result.StatusCode.name))
        await asyncio.sleep(0)  # thousands of items must not keep others waiting

    async def _call(self, batch: Sequence[Item], *, filtered: bool) -> list[ua.MonitoredItemCreateResult]:
        first = len(self.signal_of)
        requests = [self._request(item, first + place, filtered=filtered) for place, item in enumerate(batch)]
        # Values can come before the answer does.
        self.signal_of.extend(item.signal for item in batch)
        parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self._subscription,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=requests,
        )
        results = await self._session.create_monitored_items(parameters)
        if len(results) != len(batch):
            raise ua.UaError(f"asked for {len(batch)} items, the server answered for {len(results)}")
        return list(results)

    def _request(self, item: Item, handle: int, *, filtered: bool) -> ua.MonitoredItemCreateRequest:
        config, own = self._config, item.settings
        sampling = config.sampling if own.sampling is None else own.sampling
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=item.node, AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=handle,
                SamplingInterval=sampling / MILLISECOND,
                Filter=self._filter(item, filtered=filtered),
                QueueSize=own.queue or config.queue,
                DiscardOldest=True,
            ),
        )

    def _filter(self, item: Item, *, filtered: bool) -> ua.DataChangeFilter | None:
        config, own = self._config, item.settings
        samples = config.report is Report.SAMPLES
        trigger = ua.DataChangeTrigger.StatusValueTimestamp if samples else ua.DataChangeTrigger.StatusValue
        absolute, percent = own.deadband, own.deadband_percent
        if absolute is None and percent is None:
            absolute, percent = config.deadband, config.deadband_percent
        if filtered and (absolute or percent):
            kind = ua.DeadbandType.Absolute if absolute else ua.DeadbandType.Percent
            return ua.DataChangeFilter(Trigger=trigger, DeadbandType=kind, DeadbandValue=absolute or percent or 0.0)
        return ua.DataChangeFilter(Trigger=trigger) if samples else None

    async def _ask_for_limit(self) -> None:
        limit = node_id(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall)
        (found,) = await self._session.read_attributes([limit], ua.AttributeIds.Value)
        value = found.Value.Value if found.Value is not None else None
        if isinstance(value, int) and value > 0:
            self._most = min(self._most, value)
