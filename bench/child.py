"""Whatever is measured runs in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import psutil

from bench.common import BenchError, Bus
from sandbox.broker import free_port

_POLL_S = 0.1


class Child:
    """A process under measurement: ``python -m module``.

    Attributes:
        port: where it shows metrics and health, if it is a service.

    Args:
        bus: where it logs and which broker it finds in its environment.
        module: the module to run.
        arguments: of its command line.
        environment: variables beside the bus's.
    """

    def __init__(
        self, bus: Bus, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = module
        self.port = free_port()
        self._log = Path(tempfile.mkstemp(".log", f"{module}-", bus.directory)[1])
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={
                    **os.environ,
                    **bus.environment,
                    "ANDON_TELEMETRY__PORT": str(self.port),
                    **(environment or {}),
                },
                cwd=Path(__file__).parent.parent,
                stdout=out,
                stderr=out,
            )
        self._measured = psutil.Process(self._process.pid)

    def check(self) -> None:
        """Raise if it has ended.

        Raises:
            BenchError: says how it ended and shows the end of its log.
        """
        if self._process.poll() is not None:
            tail = self._log.read_text(errors="replace")[-2_000:]
            raise BenchError(f"{self.name} ended with exit code {self._process.returncode}:\n{tail}")

    async def said(self, word: str, timeout_s: float = 60) -> list[str]:
        """Wait for *word* on its output and return the rest of that line, in pieces.

        Raises:
            BenchError: it ended, or did not say so in time.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for line in self._log.read_text(errors="replace").splitlines():
                _, found, rest = line.partition(f"{word} ")  # Faust's worker may print control characters before it
                if found:
                    return rest.split()
            self.check()
            await asyncio.sleep(_POLL_S)
        raise BenchError(f"{self.name} has not said {word!r} after {timeout_s:.0f} s")

    async def ready(self, timeout_s: float = 60) -> None:
        """Wait until it, a service, has been assigned its partitions.

        Raises:
            BenchError: it ended, or was not ready in time.
        """
        async with aiohttp.ClientSession() as session:
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                self.check()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(_POLL_S)
        raise BenchError(f"{self.name} is not ready after {timeout_s:.0f} s")

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used so far."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)

    def cpu_seconds_of(self, threads: str) -> float:
        """Processor time that threads have used whose names begin with *threads* (Linux)."""
        named = Path(f"/proc/{self.pid}/task")
        return sum(
            thread.user_time + thread.system_time
            for thread in self._measured.threads()
            if (named / str(thread.id) / "comm").read_text().startswith(threads)
        )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds now."""
        return int(self._measured.memory_info().rss)

    @property
    def open_files(self) -> int:
        """File descriptors that it holds now, sockets among them."""
        return int(self._measured.num_fds())

    @property
    def threads(self) -> int:
        """Threads that it has now."""
        return int(self._measured.num_threads())

    @property
    def peak_bytes(self) -> int:
        """The most memory that it ever held."""
        return peak_bytes(self._process.pid)

    def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL)."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, by force if it does not end within seconds."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process ever held (Linux).

    Not what `resource.getrusage` says: that counts what its parent held when it started the process, too.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


@contextlib.contextmanager
def child(
    bus: Bus, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run a `Child` for the length of a `with` block."""
    running = Child(bus, module, arguments, environment)
    try:
        yield running
    finally:
        running.stop()
