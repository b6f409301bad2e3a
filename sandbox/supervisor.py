"""Runs services as processes: prefixes their logs, announces every restart, stops all inside one deadline."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from andon.errors import AndonError
from andon.service import EXIT_CONFIG

_STOP_TIMEOUT_S = 25.0
_LONGEST_PAUSE_S = 10.0
_LINE_LIMIT = 1 << 20


class ServiceFailedError(AndonError):
    """A service ended and will not be started again."""


class OnFailure(Enum):
    """What to do when a service ends by itself."""

    RESTART = "restart"
    """Say so, wait a little longer each time, start it again; a configuration error still ends everything."""
    STOP_ALL = "stop_all"
    """Say so and end everything: for runs whose result must not hide a crash."""


@dataclass
class Service:
    """One service under supervision.

    Attributes:
        name: prefixes its log lines.
        command: program and arguments.
        environment: variables on top of this process's own.
        finishes: whether ending with code 0 is the normal end (a recording that was played).
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    finishes: bool = False
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0


def python_service(
    name: str, environment: Mapping[str, str], *, module: str | None = None, finishes: bool = False
) -> Service:
    """Return the service ``python -m services.<module>`` of this installation; the module is called as it, if None."""
    return Service(name, (sys.executable, "-m", f"services.{module or name}"), environment, finishes)


class Supervisor:
    """Starts services and watches them.

    Args:
        say: takes one line of a service's log, or of the supervisor's own words (service name, line).
        on_failure: what to do when a service ends by itself.
    """

    def __init__(self, say: Callable[[str, str], None], on_failure: OnFailure = OnFailure.RESTART) -> None:
        self._say, self._on_failure = say, on_failure
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.services: dict[str, Service] = {}
        self._stopping = False

    async def start(self, service: Service) -> None:
        """Start a service and watch it from now on."""
        self.services[service.name] = service
        await self._spawn(service)
        self._tasks[service.name] = asyncio.create_task(self._watch(service), name=f"watch-{service.name}")

    async def finished(self, name: str) -> None:
        """Return when service *name* has finished, which without `finishes` it never does.

        Raises:
            ServiceFailedError: this or any other service ended and is not started again.
        """
        while not self._tasks[name].done():
            running = [task for task in self._tasks.values() if not task.done()]
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in self._tasks.values():
                if task.done():
                    task.result()
        self._tasks[name].result()

    async def stop(self) -> None:
        """Ask all to stop, wait inside one deadline, then end what is left by force."""
        self._stopping = True
        running = [s for s in self.services.values() if s.process and s.process.returncode is None]
        for service in running:
            _signal(service, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await asyncio.gather(*(service.process.wait() for service in running if service.process))
        for service in running:
            if service.process and service.process.returncode is None:
                self._say(service.name, "did not stop in time and is ended by force")
                _signal(service, signal.SIGKILL)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _spawn(self, service: Service) -> None:
        service.process = await asyncio.create_subprocess_exec(
            *service.command,
            env={**os.environ, **service.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_LIMIT,
            # Ctrl-C reaches the supervisor alone, which then stops the services in order.
            start_new_session=True,
        )

    async def _watch(self, service: Service) -> None:
        while True:
            code = await self._follow(service)
            if self._stopping or (code == 0 and service.finishes):
                return
            await self._after_failure(service, code)

    async def _follow(self, service: Service) -> int:
        process = service.process
        if process is None or process.stdout is None:
            raise ServiceFailedError(f"service {service.name} was never started")
        async for line in process.stdout:
            self._say(service.name, line.decode(errors="replace").rstrip())
        return await process.wait()

    async def _after_failure(self, service: Service, code: int) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if code == EXIT_CONFIG or self._on_failure is OnFailure.STOP_ALL:
            raise ServiceFailedError(f"service {service.name} {how}; its log says why")
        service.restarts += 1
        pause = min(0.5 * 2 ** (service.restarts - 1), _LONGEST_PAUSE_S)
        self._say(service.name, f"{how}; restart {service.restarts} in {pause:g} s")
        await asyncio.sleep(pause)
        if not self._stopping:
            await self._spawn(service)


def _signal(service: Service, number: signal.Signals) -> None:
    if service.process:
        with contextlib.suppress(ProcessLookupError):
            service.process.send_signal(number)
