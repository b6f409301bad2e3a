"""A real HTTP server that takes notifications, or fails in all the ways that servers do."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web


@dataclass
class Receiver:
    """Remembers what it is sent.

    Answers of `script` come first, those for one asset before those for all (None); then 204.
    """

    url: str = ""
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    script: dict[str | None, deque[Any]] = field(default_factory=lambda: defaultdict(deque))
    always: Any = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def keys(self) -> list[str]:
        """Idempotency keys in the order of arrival."""
        return [request.headers["Idempotency-Key"] for request in self.requests]

    def asset_keys(self, asset: str) -> list[str]:
        return [key for key in self.keys if key.startswith(f"{asset}@")]

    async def until(self, holds: Callable[[], bool], timeout: float = 30) -> None:  # noqa: ASYNC109
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(holds)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with self._changed:
            self.requests.append(request)
            self.bodies.append(body)
            self._changed.notify_all()
        mine, everyone = self.script[orjson.loads(body)["asset"]], self.script[None]
        queue = mine or everyone
        answer = queue.popleft() if queue else self.always
        if answer is None:
            return web.Response(status=204)
        if callable(answer):
            answer = answer(request)
            answer = await answer if asyncio.iscoroutine(answer) else answer
        made: web.StreamResponse = web.Response(status=answer) if isinstance(answer, int) else answer
        return made


async def hang(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def drop(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()


@contextlib.asynccontextmanager
async def receiving(*, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
    await site.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
