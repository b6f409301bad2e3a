"""A real Prometheus watches the whole chain: it reaches all services, takes all rules, and no dashboard asks in vain."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.monitoring.prometheus import Prometheus, needs_prometheus, prometheus
from tests.monitoring.promql import asked
from tests.monitoring.shelf import ALERTS, RECORDED, queries
from tests.monitoring.watched_chain import all_services, play, scenario

NOT_HERE: dict[str, str] = {}


def answerable() -> dict[str, str]:
    """Queries of what the chain has."""
    return {name: expr for name, expr in queries().items() if not {n for n, _ in asked(expr).chosen} & set(NOT_HERE)}


@needs_prometheus
@pytest.mark.alone
async def test_prometheus_reaches_all_takes_the_rules_and_no_dashboard_asks_in_vain(tmp_path: Path) -> None:
    import time
    t0 = time.monotonic()
    made = scenario(tmp_path)
    print("scenario", time.monotonic() - t0)
    async with all_services(made, tmp_path) as chain:
        print("ready", time.monotonic() - t0)
        await play(chain, made, tmp_path)
        print("played", time.monotonic() - t0)
        with prometheus(tmp_path, chain.ports) as port:
            async with aiohttp.ClientSession() as session:
                server = Prometheus(session, port)
                waiting = answerable()
                try:
                    async with asyncio.timeout(30):
                        while waiting:
                            waiting = {n: e for n, e in waiting.items() if not await server.series(e)}
                            await asyncio.sleep(1)
                except TimeoutError:
                    pass
                print("done", time.monotonic() - t0)
                print(await server.targets())
                for n, e in waiting.items():
                    print("EMPTY", n, e[:150])
                rules = await server.rules()
                print({r["name"]: r.get("lastError") for r in rules if r["health"] != "ok"}, len(rules))
                print([r["name"] for r in rules if r.get("state") in ("firing", "pending")])
                if __import__("os").environ.get("HOLD"):
                    await asyncio.sleep(float(__import__("os").environ["HOLD"]))
    assert 0
