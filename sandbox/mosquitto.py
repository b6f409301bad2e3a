"""Mosquitto, an MQTT broker, in a process of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path

from sandbox.listening import BrokerError, free_port, wait_until_up

_START_TIMEOUT_S = 10.0
#: Packages put it where a user's PATH does not lead.
_PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin"

#: Slow clients lose nothing, as what a test or bench sends is meant to arrive; `$SYS` says every second who is there.
_SETTINGS = "max_queued_messages 0\nsys_interval 1\n"
#: Who may connect, where nothing else is said.
_OPEN = "allow_anonymous true"


def program() -> str | None:
    """Return where Mosquitto is; None when it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_PLACES)


class Mosquitto:
    """A broker on a free loopback port that forgets all when it ends.

    Attributes:
        host: where it listens.
        port: where it listens.

    Args:
        folder: takes its configuration and log.
        settings: lines of its configuration that say who may connect, and how.

    Raises:
        BrokerError: it is not installed.
    """

    def __init__(self, folder: Path, *, settings: str = _OPEN) -> None:
        found = program()
        if found is None:
            raise BrokerError("Mosquitto, an MQTT broker, is not installed (its package is named mosquitto)")
        self.host, self.port = "127.0.0.1", free_port()
        self._program, self._folder, self._settings = found, folder, settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return when it accepts connections.

        Raises:
            BrokerError: it ended, or does not answer in time.
        """
        settings = self._folder / "mosquitto.conf"
        settings.write_text(f"listener {self.port} {self.host}\nuser {getuser()}\n{self._settings}\n{_SETTINGS}")
        with (self._folder / "mosquitto.log").open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - no shell, and a file of our own
                [self._program, "-c", str(settings)], stdout=out, stderr=out, start_new_session=True
            )
        wait_until_up("Mosquitto", self._process, self.port, self._folder / "mosquitto.log", _START_TIMEOUT_S)

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
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """Run Mosquitto for the length of a `with` block.

    Raises:
        BrokerError: it is not installed, or does not start.
    """
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
