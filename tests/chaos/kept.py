"""A service that somebody looks after, as Kubernetes does: started again when it ends, ended when it hangs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.timeline import Timeline
from tests.faults.processes import Running, Site

_PAUSE_S = 0.5
#: As the probes of the Helm chart.
_PERIOD_S, _TIMEOUT_S, _FAILURES = 10.0, 3.0, 3
#: A machine that does much else takes its time to start six services.
_START_S = 400.0
_STOP_S = 40


@dataclass
class Kept:
    """One service, whatever process it is now.

    Attributes:
        site: where it works.
        service: its name.
        extra: variables for it alone.
        timeline: told when it ends by itself.
        running: its present process.
        starts: how often it was started.
    """

    site: Site
    service: str
    timeline: Timeline
    extra: Mapping[str, str] = field(default_factory=dict)
    running: Running | None = None
    starts: int = 0
    _stopping: bool = False
    _expected: bool = False

    @property
    def name(self) -> str:
        return f"{self.service} of {self.site.plant.site}"

    async def run(self) -> None:
        """Keep it running until cancelled, or until it has been stopped."""
        while not self._stopping:
            self._expected = False
            self.running = running = await self.site.start(self.service, self.extra)
            self.starts += 1
            async with _watched(self._live(running)):
                code = await running.process.wait()
            if not self._expected and not self._stopping:
                self.timeline.note("ended by itself", f"{self.service} with {code}, see {running.log.name}")
            await asyncio.sleep(_PAUSE_S)

    def kill(self) -> bool:
        """Kill it now; return whether there was something to kill."""
        if self.running is None or self.running.process.returncode is not None:
            return False
        self._expected = True
        self.running.process.kill()
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal, if there is one."""
        if self.running and self.running.process.returncode is None:
            self.running.process.send_signal(number)

    async def ready(self) -> None:
        """Return when it may be given work, however often it has to be started for that."""
        async with asyncio.timeout(_START_S):
            while True:
                with contextlib.suppress(TimeoutError, AssertionError):
                    if self.running is not None:
                        await self.running.ready()
                        return
                await asyncio.sleep(_PAUSE_S)

    async def stop(self) -> int | None:
        """Stop it for good and return its exit code; None if it had to be killed."""
        self._stopping = True
        if self.running is None or self.running.process.returncode is not None:
            return None
        self.running.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.running.process.wait(), _STOP_S)
        except TimeoutError:
            self.running.process.kill()
            return None

    async def _live(self, running: Running) -> None:
        """Kill a process that says often enough that it is not live, or says nothing."""
        url, failures = f"http://127.0.0.1:{running.port}/healthz", 0
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_START_S):
                    while not await _is_live(session, url):
                        await asyncio.sleep(_PERIOD_S)
            while failures < _FAILURES:
                await asyncio.sleep(_PERIOD_S)
                if self._stopping:
                    return
                failures = 0 if await _is_live(session, url) else failures + 1
        if self._stopping:
            return
        self.timeline.note("not live", f"{self.service} is killed for it, see {running.log.name}")
        self.kill()


async def _is_live(session: aiohttp.ClientSession, url: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(url) as answer:
            return answer.status == 200
    return False


@contextlib.asynccontextmanager
async def _watched(watch: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(watch)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
