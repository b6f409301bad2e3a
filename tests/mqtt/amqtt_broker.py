"""amqtt, an MQTT 3.1.1 broker in Python, in a process of its own: a real broker where Mosquitto is missing."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.listening import free_port, wait_until_up

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
        wait_until_up("amqtt", process, broker.port, folder / "amqtt.log", _START_TIMEOUT_S)
        yield broker
    finally:
        process.kill()
        process.wait()
