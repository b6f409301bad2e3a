"""Runs the PLC of `plc_server`, as a process that tests can restart, pause and tell what to do."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.broker import free_port

SERVER = Path(__file__).with_name("plc_server.py")


class Plc:
    """A server on a port of its own.

    Attributes:
        url: where it listens.
        process: the process; another one after each start.
    """

    def __init__(self, *options: str, quiet: bool = True) -> None:
        self._options, self._quiet = options, quiet
        self._port = free_port()
        self.url = f"opc.tcp://127.0.0.1:{self._port}/plc"
        self.process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        """Start, with other options if given, and return when it is ready."""
        self._options = options or self._options
        self.process = subprocess.Popen(
            [sys.executable, SERVER, "--port", str(self._port), *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if self._quiet else None,
            text=True,
        )
        self._expect("ready")

    def kill(self) -> None:
        """End the process at once."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def pause(self) -> None:
        """Let it hang: sockets stay open, nothing is answered."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def tell(self, **command: Any) -> None:
        """Give a command and return when it has been carried out."""
        if self.process is None or self.process.stdin is None:
            raise RuntimeError("the PLC is not running")
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        self._expect("done")

    def write(self, *values: tuple[Any, ...]) -> None:
        """Write (node, value[, status[, source time in microseconds]])."""
        self.tell(write=values)

    def _expect(self, word: str) -> None:
        said = self.process.stdout.readline() if self.process and self.process.stdout else ""
        if said != f"{word}\n":
            raise RuntimeError(f"the PLC said {said!r}, not {word!r}")

    def _send(self, number: signal.Signals) -> None:
        if self.process:
            self.process.send_signal(number)


@contextlib.contextmanager
def running_plc(*options: str) -> Iterator[Plc]:
    """Run a PLC until the end of the block."""
    plc = Plc(*options)
    plc.start()
    try:
        yield plc
    finally:
        plc.go_on()
        plc.kill()
