"""Health over HTTP: `/metrics`, `/healthz` (is there progress?) and `/readyz` (may work come?) on one port.

Liveness means progress: a worker whose partitions have lag and do not advance is not live, however
well its sockets are. A worker without lag is idle, which is healthy.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from andon.clock import SECOND
from andon.settings import TelemetrySettings
from andon.telemetry.metrics import CONTENT_TYPE, Metrics

Monotonic = Callable[[], float]


@dataclass
class Progress:
    """Remembers, per partition, when it last advanced or had nothing to do.

    Args:
        timeout: seconds without an advance, with lag, after which the worker is not live.
        monotonic: reads seconds of a clock that never steps.
    """

    timeout: float
    monotonic: Monotonic
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)

    def note(self, partition: str, position: int, lag: int) -> None:
        """Take the newest position and lag of a partition."""
        known = self._seen.get(partition)
        if known is None or lag <= 0 or position != known[0]:
            self._seen[partition] = (position, self.monotonic())

    def forget(self, partition: str) -> None:
        """Take back a partition that was given away."""
        self._seen.pop(partition, None)

    def stalled(self) -> dict[str, float]:
        """Return partitions that have not advanced in time, with seconds since they did."""
        now = self.monotonic()
        return {name: now - at for name, (_, at) in self._seen.items() if now - at > self.timeout}

    def age(self) -> float:
        """Return seconds since the slowest partition advanced."""
        now = self.monotonic()
        return max((now - at for _, at in self._seen.values()), default=0.0)


class Health:
    """The HTTP server of one service.

    Args:
        metrics: what `/metrics` shows.
        progress: what `/healthz` judges.
        ready: whether work may come, for `/readyz`.
    """

    def __init__(self, metrics: Metrics, progress: Progress, ready: Callable[[], bool]) -> None:
        self._metrics, self._progress, self._ready = metrics, progress, ready
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; `self.port` then holds the port (useful when *port* is 0)."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._get_metrics),
                web.get("/healthz", self._get_health),
                web.get("/readyz", self._get_ready),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()

    async def _get_metrics(self, _: web.Request) -> web.Response:
        self._metrics.set("andon_progress_age_seconds", self._progress.age())
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _get_health(self, _: web.Request) -> web.Response:
        stalled = self._progress.stalled()
        return _answer(not stalled, {"stalled": {name: round(age, 1) for name, age in stalled.items()}})

    async def _get_ready(self, _: web.Request) -> web.Response:
        return _answer(self._ready(), {})


def _answer(good: bool, detail: dict[str, object]) -> web.Response:
    body = orjson.dumps({"status": "ok" if good else "unavailable", **detail})
    return web.Response(status=200 if good else 503, body=body, content_type="application/json")


@contextlib.asynccontextmanager
async def served(
    settings: TelemetrySettings, metrics: Metrics, ready: Callable[[], bool] = lambda: True
) -> AsyncIterator[None]:
    """Show the metrics and health of a service without partitions, for the length of an `async with` block."""
    health = Health(metrics, Progress(settings.progress_timeout / SECOND, time.monotonic), ready)
    await health.start(settings.host, settings.port)
    try:
        yield
    finally:
        await health.stop()
