"""`bench.scale`: what more machines, and more tags a machine, cost the chain from raw frame to alert."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from pydantic import BaseModel

from andon.clock import SECOND
from andon.features.definition import Aggregate
from andon.telemetry import Metrics
from bench.chained import STAGES, Backlog, Chain, Started, chained, work_off
from bench.common import BenchError, Bus, bus
from bench.frames import plant_document
from bench.scale_storage import Storage, measure_storage
from sandbox.database import embedded_database
from sandbox.monitor import scrape

#: A frame a second and windows of five: as many frames a window at every size.
_SCAN, _WINDOW = SECOND, "5s"
PER_WINDOW = 5
#: Of each tag: with all eleven, 512 tags would make 5,632 features, which is a matter of training, not of size.
_AGGREGATES = (Aggregate.MEAN, Aggregate.STD, Aggregate.MIN, Aggregate.MAX)
#: Each machine fills two windows, and closes the second one.
_LEAST_FRAMES = 2 * PER_WINDOW + 1
_PATIENCE_S = 600


class Case(BaseModel):
    """What a plant of one size cost.

    Attributes:
        assets: machines of the plant, all of which send.
        tags: of each.
        frames: how many there were.
        frames_per_s: through the whole chain, all four services and the broker on the same cores.
        cpu_us: service to processor time a frame.
        ready_s: service to seconds from its process's start until it was ready, alone.
        ready_cpu_s: the same in processor time.
        ready_bytes: service to resident memory then.
        resident_bytes: service to resident memory when the backlog was worked off.
        recovered_s: seconds from the start of a feature service, after the one before it was killed, until it had
            recovered its state, read its open windows again and nothing waited.
        plant_bytes: size of plant.yaml.
    """

    assets: int
    tags: int
    frames: int
    frames_per_s: float
    cpu_us: dict[str, float]
    ready_s: dict[str, float]
    ready_cpu_s: dict[str, float]
    ready_bytes: dict[str, int]
    resident_bytes: dict[str, int]
    recovered_s: float
    plant_bytes: int


class Scrape(BaseModel):
    """What ingest's metrics with a label of each machine cost.

    Attributes:
        assets: how many machines.
        size_bytes: of an answer to Prometheus.
        cpu_s: processor time of it, during which the service does nothing else.
    """

    assets: int
    size_bytes: int
    cpu_s: float


def measure_case(assets: int, tags: int, frames: int) -> Case:
    """Run the chain on a plant of one size."""
    case, _ = asyncio.run(_measure(assets, tags, frames, stored=False))
    return case


def measure_stored_case(assets: int, tags: int, frames: int) -> tuple[Case, Storage]:
    """Run the chain on a plant of one size, and keep its history."""
    case, storage = asyncio.run(_measure(assets, tags, frames, stored=True))
    if storage is None:
        raise BenchError("nothing was stored")
    return case, storage


async def _measure(assets: int, tags: int, frames: int, *, stored: bool) -> tuple[Case, Storage | None]:
    backlog = Backlog(assets, assets * max(_LEAST_FRAMES, frames // assets // PER_WINDOW * PER_WINDOW + 1))
    with ExitStack() as stack:
        on = stack.enter_context(bus(_document(assets, tags)))
        dsn = stack.enter_context(embedded_database(on.directory / "database")) if stored else None
        async with chained(on, backlog) as chain:
            rate = await work_off(chain, backlog, timeout_s=_PATIENCE_S)
            resident = {name: service.resident_bytes for name, service in chain.services.items()}
            started = dict(chain.started)
            case = Case(
                assets=assets,
                tags=tags,
                frames=backlog.count,
                frames_per_s=rate.frames_per_s,
                cpu_us=rate.cpu_us,
                ready_s=_each(started, "seconds"),
                ready_cpu_s=_each(started, "cpu_seconds"),
                ready_bytes={name: each.resident_bytes for name, each in started.items()},
                resident_bytes=resident,
                recovered_s=await _recover(chain),
                plant_bytes=_plant_bytes(on),
            )
        return case, await measure_storage(on, dsn, backlog.count, tags) if dsn else None


def _document(assets: int, tags: int) -> dict[str, object]:
    return plant_document(machines=assets, tags=tags, scan=_SCAN, window=_WINDOW, aggregates=_AGGREGATES)


def _each(started: Mapping[str, Started], what: str) -> dict[str, float]:
    return {name: float(getattr(started[name], what)) for name in STAGES}


def _plant_bytes(on: Bus) -> int:
    return Path(on.environment["ANDON_PLANT"]).stat().st_size


async def _recover(chain: Chain) -> float:
    """Kill the feature service, start it again, and return the seconds until nothing waits for it any more."""
    await _until_nothing_waits(chain)
    chain.services["feature"].kill()
    begun = time.monotonic()
    await chain.start("feature")
    await _until_nothing_waits(chain)
    return time.monotonic() - begun


async def _until_nothing_waits(chain: Chain) -> None:
    """Return when the feature service has read what there is; its lag is told once a second."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        feature = chain.services["feature"]
        feature.check()
        reading = (await scrape({"feature": feature.port}))["feature"]
        if reading.total("andon_records_read_total") and not reading.total("andon_lag_records"):
            return
        await asyncio.sleep(0.2)
    raise BenchError(f"frames wait for the feature service after {_PATIENCE_S} s")


def measure_scrape(assets: int) -> Scrape:
    """Count something of each machine, as ingest does, and answer Prometheus."""
    metrics = Metrics("ingest")
    for number in range(assets):
        for name in ("andon_samples_expected_total", "andon_samples_received_total"):
            metrics.count(name, asset=f"hall/line-1/machine-{number}")
    begun = time.process_time()
    size = len(metrics.exposition())
    return Scrape(assets=assets, size_bytes=size, cpu_s=time.process_time() - begun)
