"""Services with nothing to do: processor time of each, with two waits of the broker for something new."""

from __future__ import annotations

import asyncio
import contextlib
import time

from andon.clock import MILLISECOND
from andon.settings import KafkaSettings
from andon.stream.topics import ensure_topics
from bench.child import Child, child
from bench.common import Bus, bus, is_quick, result, table
from bench.frames import plant_document
from bench.model import served_from, train_model

_SERVICES = ("context", "feature", "inference", "alert", "drift")
#: What each is left to itself for before it is watched: models are loaded, topics read, the group is settled.
_SETTLE_S = 5
#: How long the broker may hold a fetch, milliseconds: as in production, and as the embedded broker is given.
_PRODUCTION_MS = KafkaSettings().fetch_max_wait // MILLISECOND
_EMBEDDED_MS = 50


async def _measure(on: Bus, seconds: float, wait_ms: int) -> dict[str, float]:
    bundles = on.directory / "bundles"
    environment = served_from(bundles) | {
        "ANDON_DRIFT__BUNDLES": str(bundles),
        "ANDON_KAFKA__FETCH_MAX_WAIT": f"{wait_ms}ms",
    }
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(child(on, f"services.{name}", environment=environment)) for name in _SERVICES
        }
        await asyncio.gather(*(service.ready(timeout_s=180) for service in running.values()))
        await asyncio.sleep(_SETTLE_S)
        return await _watch(running, seconds)


async def _watch(running: dict[str, Child], seconds: float) -> dict[str, float]:
    """Return percent of a core by service."""
    used, begun = {name: service.cpu_seconds for name, service in running.items()}, time.monotonic()
    await asyncio.sleep(seconds)
    passed = time.monotonic() - begun
    for service in running.values():
        service.check()
    return {name: 100 * (service.cpu_seconds - used[name]) / passed for name, service in running.items()}


async def _both(seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    with bus(plant_document()) as on:
        train_model(on.plant, on.directory / "bundles")
        await ensure_topics(on.kafka, on.plant)
        return await _measure(on, seconds, _PRODUCTION_MS), await _measure(on, seconds, _EMBEDDED_MS)


def main() -> None:
    seconds = 8.0 if is_quick(__doc__ or "") else 20.0
    production, embedded = asyncio.run(_both(seconds))
    table(
        f"Services with nothing to do, {seconds:.0f} s: percent of a core",
        ("service", f"fetches held for {_PRODUCTION_MS} ms", f"for {_EMBEDDED_MS} ms"),
        [(name, f"{production[name]:.2f}", f"{embedded[name]:.2f}") for name in _SERVICES],
    )
    result("idle", worst_percent=max(production.values()), worst_percent_50ms=max(embedded.values()))


if __name__ == "__main__":
    main()
