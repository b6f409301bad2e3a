"""An MQTT broker in a process of its own: Mosquitto where it is installed, else amqtt, which is a Python package."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sandbox.broker import BrokerError, free_port

_START_TIMEOUT_S = 10.0
#: Packages put it where a user's PATH does not lead.
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"

#: Slow clients lose nothing, as what a test or bench sends is meant to arrive; `$SYS` says every second who is there.
_MOSQUITTO = "allow_anonymous true\nmax_queued_messages 0\nsys_interval 1\n"


class MqttBroker:
    """A broker on a free loopback port that lets everybody in and forgets all when it ends.

    Attributes:
        host: where it listens.
        port: where it listens.
        version: newest version of MQTT that it speaks: 5, of amqtt 3.1.1.

    Args:
        folder: takes its configuration and log.
    """

    def __init__(self, folder: Path) -> None:
        self.host, self.port = "127.0.0.1", free_port()
        self._mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)
        self.version = "5" if self._mosquitto else "3.1.1"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return when it accepts connections.

        Raises:
            BrokerError: no broker is installed, or it ended, or does not answer in time.
        """
        command = self._command()
        with (self._folder / "mqtt.log").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)  # noqa: S603 - no shell, our own file
        self._wait_until_up()

    def _command(self) -> list[str]:
        settings = self._folder / "mqtt.conf"
        if self._mosquitto:
            settings.write_text(f"listener {self.port} {self.host}\n{_MOSQUITTO}")
            return [self._mosquitto, "-c", str(settings)]
        if importlib.util.find_spec("amqtt") is None:
            raise BrokerError("there is no MQTT broker: install Mosquitto, or pip install amqtt")
        listener = {"type": "tcp", "bind": f"{self.host}:{self.port}"}
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        settings.write_text(json.dumps({"listeners": {"default": listener}, "plugins": plugins}))  # JSON is YAML
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(settings)]

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise BrokerError(f"the MQTT broker ended at once; see {self._folder / 'mqtt.log'}")
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return
            time.sleep(0.02)  # nothing to await: the port opening is the event
        raise BrokerError(f"the MQTT broker does not answer on port {self.port}; see {self._folder / 'mqtt.log'}")

    def stop(self) -> None:
        """End the process."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def restart(self) -> None:
        """End it and start it again, on the same port."""
        self.stop()
        self.start()


@contextlib.contextmanager
def mqtt_broker(folder: Path) -> Iterator[MqttBroker]:
    """Run an MQTT broker for the length of a `with` block.

    Raises:
        BrokerError: no broker is installed, or it does not start.
    """
    broker = MqttBroker(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
