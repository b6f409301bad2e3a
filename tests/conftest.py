"""A real broker and a real database for every test that needs one: what ANDON_* names, or embedded ones."""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import hypothesis
import pytest
import structlog

from andon.settings import DatabaseSettings, KafkaSettings
from sandbox.broker import embedded_broker
from sandbox.database import embedded_database
from sandbox.mosquitto import program
from tests.named_broker import named_broker

# A machine under load is slow at times, which says nothing of the code; what is claimed about speed is in bench/.
hypothesis.settings.register_profile("andon", deadline=None)
hypothesis.settings.load_profile("andon")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested for want of an MQTT broker or of Prometheus."""
    if program() is None:
        terminalreporter.write_line(
            "Mosquitto is not installed: amqtt stood in for it in one test, the others that need it were skipped"
        )
    if shutil.which("promtool") is None:
        terminalreporter.write_line("Prometheus is not installed: tests of alert rules and dashboards were skipped")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    """Settings that reach a running broker: all that ANDON_KAFKA__* says, or those of the embedded one."""
    usual = {"partitions": 4, "fetch_max_wait": "50ms"}
    # Apache Kafka allows no session shorter than this unless it is told to (group.min.session.timeout.ms).
    named = named_broker(usual | {"session_timeout": "6s"})
    if named:
        yield named
        return
    # A short session makes the embedded broker's joins short: they wait for half of it.
    short = usual | {"session_timeout": "3s", "rebalance_timeout": "3s"}
    log: Path = tmp_path_factory.mktemp("broker") / "broker.log"
    with embedded_broker(log) as broker:
        own = {"bootstrap_servers": broker.bootstrap_servers, "idempotent": False}
        yield KafkaSettings.model_validate(short | own)


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


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """DSN of a running PostgreSQL server: what ANDON_DATABASE__DSN names, or the embedded one."""
    given = os.environ.get("ANDON_DATABASE__DSN")
    if given:
        yield given
        return
    with embedded_database(tmp_path_factory.mktemp("postgres")) as dsn:
        yield dsn


@pytest.fixture
async def database(postgres: str) -> AsyncIterator[DatabaseSettings]:
    """Settings that reach an empty database of the test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    server = await asyncpg.connect(postgres)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        yield DatabaseSettings.model_validate({"dsn": urlsplit(postgres)._replace(path=f"/{name}").geturl()})
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()
