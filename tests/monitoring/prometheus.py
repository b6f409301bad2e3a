"""Prometheus itself, where it is installed, and what it answers."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from sandbox.listening import free_port, wait_until_up
from tests.monitoring.shelf import RULES

#: Both programs come in one package.
INSTALLED = bool(shutil.which("prometheus") and shutil.which("promtool"))
needs_prometheus = pytest.mark.skipif(not INSTALLED, reason="Prometheus is not installed (its package: prometheus)")


@dataclass(frozen=True)
class Prometheus:
    """A server that scrapes every second and evaluates the rules as often."""

    session: aiohttp.ClientSession
    port: int

    async def ask(self, page: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{page}"
        async with self.session.get(url, params=parameters) as answer:
            body = await answer.json()
        assert body["status"] == "success", body
        return body["data"]

    async def ready(self) -> None:
        """Return when it answers questions, which it does some time after it listens."""
        async with asyncio.timeout(20):
            while True:
                async with self.session.get(f"http://127.0.0.1:{self.port}/-/ready") as answer:
                    if answer.status == 200:
                        return
                await asyncio.sleep(0.1)

    async def series(self, expr: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("query", query=expr))["result"]
        return found

    async def targets(self) -> dict[str, str]:
        """Each target's service and health."""
        active = (await self.ask("targets", state="active"))["activeTargets"]
        return {target["labels"]["process"]: target["health"] for target in active}

    async def rules(self) -> list[dict[str, Any]]:
        return [rule for group in (await self.ask("rules"))["groups"] for rule in group["rules"]]


@contextlib.asynccontextmanager
async def watching(folder: Path, ports: Mapping[str, int]) -> AsyncIterator[Prometheus]:
    """Scrape services on these ports of loopback until the block ends."""
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"process": name}} for name, port in ports.items()]
    settings = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "andon", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    with _running(folder) as port:
        async with aiohttp.ClientSession() as session:
            server = Prometheus(session, port)
            await server.ready()
            yield server


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[int]:
    """Run the server until the block ends; gives its port."""
    port, log = free_port(), folder / "prometheus.log"
    options = {
        "config.file": folder / "prometheus.yml",
        "storage.tsdb.path": folder / "prometheus",
        "web.listen-address": f"127.0.0.1:{port}",
        "log.level": "warn",
    }
    command = ["prometheus", *(f"--{name}={value}" for name, value in options.items())]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            wait_until_up("Prometheus", process, port, log, 20)
            yield port
        finally:
            process.terminate()
