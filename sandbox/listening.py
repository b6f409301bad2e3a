"""Waiting for a server in another process."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from pathlib import Path

from andon.errors import AndonError

_LOOPBACK = "127.0.0.1"


class BrokerError(AndonError):
    """A broker did not start."""


def free_port() -> int:
    """Return a TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_up(name: str, process: subprocess.Popen[bytes], port: int, log: Path, timeout_s: float) -> None:
    """Return when a process accepts connections on a port of loopback.

    Raises:
        BrokerError: it ended, or does not answer in time; names its log.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BrokerError(f"{name} ended at once; see {log}")
        with contextlib.suppress(OSError), socket.create_connection((_LOOPBACK, port), timeout=1):
            return
        time.sleep(0.02)  # nothing to await: the port opening is the event
    raise BrokerError(f"{name} does not answer on port {port}; see {log}")
