"""Runs the vendor's server of `vendor_server`, as a process."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

SERVER = Path(__file__).with_name("vendor_server.py")


@contextlib.contextmanager
def running_vendor(*options: str | Path, log: Path | None = None) -> Iterator[str]:
    """Start a server with these options and give its URL."""
    port = _free_port()
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        command = [sys.executable, SERVER, "--port", str(port), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        stack.callback(process.wait)
        stack.callback(process.kill)
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the vendor's server does not start: {[str(part) for part in command]}")
        yield f"opc.tcp://127.0.0.1:{port}/vendor"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
