"""The yardstick of `bench.opcua`: an asyncua subscription that only counts, as asyncua's documentation writes it."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from asyncua import Client, ua

_BATCH = 1_000


class Counter:
    """Counts values.

    Args:
        first: how many values come before the first change.
    """

    def __init__(self, first: int) -> None:
        self.count = 0
        self.changes_came = asyncio.Event()
        self._first = first

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        """Take one value."""
        self.count += 1
        if self.count == 2 * self._first:
            self.changes_came.set()


async def _run(url: str, namespace: str, nodes: int, publishing_ms: int, warm_s: float, seconds: float) -> None:
    async with Client(url) as client:
        index = await client.get_namespace_index(namespace)
        counter = Counter(nodes)
        subscription = await client.create_subscription(publishing_ms, counter)
        every = [client.get_node(ua.NodeId(ua.String(f"n{number}"), ua.Int16(index))) for number in range(nodes)]
        for first in range(0, nodes, _BATCH):
            await subscription.subscribe_data_change(every[first : first + _BATCH], queuesize=100)
        sys.stdout.write("subscribed now\n")
        sys.stdout.flush()
        await counter.changes_came.wait()
        await asyncio.sleep(warm_s)
        counted, begun, used = counter.count, time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        counted, took = counter.count - counted, time.monotonic() - begun
        sys.stdout.write(f"measured {counted} {took:.3f} {time.process_time() - used:.3f}\n")
        sys.stdout.flush()
        await asyncio.sleep(60)  # until it is ended


if __name__ == "__main__":
    url, namespace, nodes, publishing, warm, seconds = sys.argv[1:]
    asyncio.run(_run(url, namespace, int(nodes), int(publishing), float(warm), float(seconds)))
