"""amqtt, an MQTT 3.1.1 broker in Python, in a process of its own: a real broker where Mosquitto is missing."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.broker import free_port

_SETTINGS = """\
listeners: {{default: {{type: tcp, bind: "127.0.0.1:{port}"}}}}
plugins: {{amqtt.plugins.authentication.AnonymousAuthPlugin: {{allow_anonymous: true}}}}
"""
_START_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Amqtt:
    """Where it listens."""

    host: str
    port: int


@contextlib.contextmanager
def amqtt(folder: Path) -> Iterator[Amqtt]:
    """Run the broker until the end of the block."""
    broker, settings = Amqtt("127.0.0.1", free_port()), folder / "amqtt.yaml"
    settings.write_text(_SETTINGS.format(port=broker.port))
    command = [sys.executable, "-c", "from amqtt.scripts.broker_script import main; main()", "-c", str(settings)]
    with (folder / "amqtt.log").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        _wait_until_up(broker, process, folder / "amqtt.log")
        yield broker
    finally:
        process.kill()
        process.wait()


def _wait_until_up(broker: Amqtt, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((broker.host, broker.port), timeout=1):
            return
        time.sleep(0.05)  # nothing to await: the port opening is the event
    raise RuntimeError(f"amqtt does not answer: {log.read_text()[-1_000:]}")
