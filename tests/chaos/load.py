"""The load: machines that speak ten times a second, for as long as a run lasts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
import orjson
from aiokafka.errors import KafkaError

from andon.clock import SECOND, wall_clock
from andon.stream.codec import Line
from andon.stream.producer import BatchProducer
from andon.stream.publish import Partitions
from andon.uns import Stage
from tests.faults.processes import ASSETS, T0, Site, pump_frame, pumping_plant
from tests.stream.bus import line

SCAN = SECOND // 10
#: Most instants that are sent at once after the broker has been away.
_AT_ONCE = 100
_RETRY_S = 0.5


def chaos_plant(site: str) -> dict[str, Any]:
    """Return the pumps of the other fault tests; silence closes no window before a step of the clock would."""
    model = pumping_plant(site)
    model["classes"]["pump"]["features"]["idle"] = "20min"
    return model


def live_frame(asset: str, index: int, start: int) -> dict[str, Any]:
    """Return a pump's frame as a live source would send it *index* scans after *start* (microseconds UTC)."""
    frame = pump_frame(asset, index)
    moment = frame["time"] - T0 + start
    times = {"id": f"{asset}@{moment}:raw:1", "time": moment, "ingest_time": moment}
    return frame | times | {"origin": "live", "session": "chaos"}


@dataclass
class Stream:
    """Frames that are published straight to the topic; a broker that is away is waited for, as ingest does.

    Attributes:
        frames: all that was published, in order.
    """

    site: Site
    start: int = field(default_factory=lambda: wall_clock() // SECOND * SECOND)
    frames: list[dict[str, Any]] = field(default_factory=list)
    _sent: int = 0

    async def run(self, seconds: float) -> None:
        """Publish for this long, by a clock that does not step."""
        began = time.monotonic()
        async with self._producer() as producer:
            while (passed := time.monotonic() - began) < seconds:
                await self._publish(producer, min(int(passed * SECOND) // SCAN, self._sent + _AT_ONCE))
                await asyncio.sleep(SCAN / SECOND)

    async def close_windows(self) -> None:
        """Publish one more frame of each asset, so far ahead that all windows before it are over."""
        async with self._producer() as producer:
            self._sent += 10 * 10
            await self._publish(producer, self._sent + 1)

    async def _publish(self, producer: BatchProducer, until: int) -> None:
        new = [live_frame(asset, index, self.start) for index in range(self._sent, until) for asset in ASSETS]
        self.frames += new
        self._sent = max(until, self._sent)
        await deliver(producer, self.site, Stage.RAW, [line(frame) for frame in new])

    @contextlib.asynccontextmanager
    async def _producer(self) -> AsyncIterator[BatchProducer]:
        producer = BatchProducer(self.site.kafka)
        while True:
            try:
                await producer.start()
                break
            except KafkaError:
                await asyncio.sleep(_RETRY_S)
        try:
            yield producer
        finally:
            await producer.stop()


async def deliver(producer: BatchProducer, site: Site, stage: Stage, lines: list[Line]) -> None:
    """Return when the broker has *lines*, each in its key's partition."""
    groups = Partitions(site.kafka.partitions).sort(lines).items()
    await asyncio.gather(*(producer.deliver(site.topic(stage), number, group) for number, group in groups))


EDGE_ASSETS = tuple(f"line/press-{number}" for number in range(4))


def edge_plant(site: str) -> dict[str, Any]:
    """Return presses that speak MQTT."""
    return {
        "enterprise": "acme",
        "site": site,
        "classes": {"press": {"scan": "100ms", "tags": {"force": {"unit": "kN"}, "stroke": {"unit": "mm"}}}},
        "assets": {asset: {"class": "press"} for asset in EDGE_ASSETS},
    }


def edge_source(port: int) -> dict[str, Any]:
    """Return the source, of the ingest service, that reads the presses from an MQTT broker."""
    rule = {"topic": "plant/{line}/{machine}", "asset": "{line}/{machine}", "time": "/t", "time_format": "epoch_us"}
    broker = {"host": "127.0.0.1", "port": port, "timeout": "2s"}
    kept = {"session": "1h", "acknowledge": "delivered"}  # or what waits for its frame dies with the process
    return {"name": "hall", "kind": "mqtt", "broker": broker, "rules": [rule], **kept}


@dataclass
class Machines:
    """Presses that publish to an MQTT broker with QoS 1.

    Attributes:
        frames: values by asset and time; the MQTT broker has all of them.
    """

    port: int
    frames: dict[tuple[str, int], dict[str, float]] = field(default_factory=dict)

    async def run(self, seconds: float) -> None:
        """Publish for this long, by a clock that does not step."""
        began, start = time.monotonic(), wall_clock() // SCAN * SCAN
        index = 0
        async with aiomqtt.Client("127.0.0.1", self.port, identifier="presses") as client:
            while time.monotonic() - began < seconds:
                index += 1
                moment = start + index * SCAN
                sent = [self._publish(client, asset, moment, index * 7.0 + n) for n, asset in enumerate(EDGE_ASSETS)]
                await asyncio.gather(*sent)
                await asyncio.sleep(max(0.0, began + index * SCAN / SECOND - time.monotonic()))

    async def _publish(self, client: aiomqtt.Client, asset: str, moment: int, value: float) -> None:
        values = {"force": value, "stroke": -value}
        await client.publish(f"plant/{asset}", orjson.dumps({"t": moment, **values}), qos=1)
        self.frames[asset, moment] = values
