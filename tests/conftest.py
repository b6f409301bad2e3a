"""A real broker for every test that needs one: what ANDON_KAFKA__BOOTSTRAP_SERVERS names, or the embedded one."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from andon.settings import KafkaSettings
from sandbox.broker import embedded_broker
from sandbox.mosquitto import program


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested for want of an MQTT broker."""
    if program() is None:
        terminalreporter.write_line(
            "Mosquitto is not installed: amqtt stood in for it in one test, the others that need it were skipped"
        )


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """Settings that reach a running broker."""
    # A short session makes the embedded broker's joins short: they wait for half of it.
    short = {"partitions": 4, "session_timeout": "3s", "rebalance_timeout": "3s", "fetch_max_wait": "50ms"}
    servers = os.environ.get("ANDON_KAFKA__BOOTSTRAP_SERVERS")
    if servers:
        yield KafkaSettings.model_validate({"bootstrap_servers": servers, **short})
        return
    log: Path = tmp_path_factory.mktemp("broker") / "broker.log"
    with embedded_broker(log) as broker:
        yield KafkaSettings.model_validate(
            {"bootstrap_servers": broker.bootstrap_servers, "idempotent": False, **short}
        )


@pytest.fixture
def site() -> str:
    """A site name that no other test uses, so that tests share a broker and no topic."""
    return f"site-{uuid.uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def _restored_logs() -> Iterator[None]:
    """Undo what a test, or a command that it runs, does to the logs of this process."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
