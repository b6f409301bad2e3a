"""OPC UA: value changes a second through one ingest process into Kafka, and what they cost beside bare asyncua."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
import orjson

from andon.stream.reading import read_to_end
from andon.stream.topics import topic_name
from andon.uns import Stage
from bench.child import Child, child
from bench.common import BenchError, Bus, bus, is_quick, result, table
from tests.opcua.plc import Plc, running_plc
from tests.opcua.plc_server import NAMESPACE

TAGS = 8
MACHINES = 500
MANY = 50_000
#: About as much as asyncua's server can change on one core.
RATE = 17_000
_PUBLISHING_MS = 100
_WARM_S = 3.0


@dataclass(frozen=True, slots=True)
class _Measured:
    values_per_s: float
    cpu_us: float


def _plant(machines: int) -> dict[str, object]:
    tags: dict[str, object] = {f"t{number}": {} for number in range(TAGS)}
    return {
        "enterprise": "acme",
        "site": "bench",
        "classes": {"machine": {"scan": "100ms", "tags": tags}},
        "assets": {f"hall/line-1/machine-{number}": {"class": "machine"} for number in range(machines)},
    }


@contextmanager
def _ingest(on: Bus, plc: Plc, machines: int) -> Iterator[Child]:
    """Run the ingest service on all nodes of the PLC, listed in a file as an engineering tool would."""
    rows = (
        f"nsu={NAMESPACE};s=n{TAGS * machine + tag},hall/line-1/machine-{machine},t{tag}"
        for machine in range(machines)
        for tag in range(TAGS)
    )
    (on.directory / "tags.csv").write_text("\n".join(["node,asset,tag", *rows]) + "\n")
    source = {
        "name": "bench",
        "kind": "opcua",
        "url": plc.url,
        "security": {"policy": "None"},
        "publishing": f"{_PUBLISHING_MS}ms",
        "sampling": "0s",
        "queue": 100,
        "timeout": "60s",
        "select": {"lists": [{"file": "tags.csv"}]},
    }
    (on.directory / "sources.yaml").write_bytes(orjson.dumps({"sources": [source]}))  # JSON is YAML
    settings = {
        "ANDON_INGEST__SOURCES": str(on.directory / "sources.yaml"),
        "ANDON_INGEST__SPOOL__DIRECTORY": str(on.directory / "spool"),
    }
    with child(on, "services.ingest", environment=settings) as service:
        yield service


async def _watched(service: Child, items: int, timeout_s: float = 120) -> None:
    """Wait until the server watches all items for the service."""
    deadline = time.monotonic() + timeout_s
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            service.check()
            try:
                async with session.get(f"http://127.0.0.1:{service.port}/metrics") as answer:
                    lines = (await answer.text()).splitlines()
            except aiohttp.ClientError:
                lines = []
            found = [line for line in lines if line.startswith("andon_source_items{")]
            if found and float(found[0].rsplit(" ", 1)[1]) >= items:
                return
            await asyncio.sleep(0.2)
    raise BenchError(f"the server does not watch {items} items after {timeout_s:.0f} s")


async def _service_round(seconds: float) -> _Measured:
    """Return what the service does: counted are the values of the frames that are in Kafka afterwards."""
    with (
        running_plc("--count", str(MACHINES * TAGS)) as plc,
        bus(_plant(MACHINES)) as on,
        _ingest(on, plc, MACHINES) as service,
    ):
        await _watched(service, MACHINES * TAGS)
        plc.tell(load=RATE)
        await asyncio.sleep(_WARM_S)
        begun, used = time.time_ns() // 1_000, service.cpu_seconds
        await asyncio.sleep(seconds)
        ended, used = time.time_ns() // 1_000, service.cpu_seconds - used
        await asyncio.sleep(1)
        values = 0
        async for record in read_to_end(on.kafka, topic_name(on.plant, Stage.RAW), range(on.kafka.partitions)):
            frame = orjson.loads(record.value)
            if begun <= frame["ingest_time"] < ended:
                values += sum(value is not None for value in frame["values"].values())
    return _Measured(values / (ended - begun) * 1e6, used / values * 1e6)


async def _bare_round(seconds: float) -> _Measured:
    with running_plc("--count", str(MACHINES * TAGS)) as plc, bus(_plant(1)) as on:
        arguments = [plc.url, NAMESPACE, str(MACHINES * TAGS), str(_PUBLISHING_MS), str(_WARM_S), str(seconds)]
        with child(on, "bench.subjects.bare_opcua", arguments) as subject:
            await subject.said("subscribed")
            plc.tell(load=RATE)
            counted, took, cpu = map(float, await subject.said("measured", 60 + seconds))
    return _Measured(counted / took, cpu / counted * 1e6)


async def _many() -> float:
    """Return the service's memory with very many subscribed nodes, MiB."""
    with (
        running_plc("--count", str(MANY)) as plc,
        bus(_plant(MANY // TAGS)) as on,
        _ingest(on, plc, MANY // TAGS) as service,
    ):
        await _watched(service, MANY)
        plc.tell(load=2_000)
        await asyncio.sleep(10)
        return service.resident_bytes / 2**20


def main() -> None:
    rounds, seconds = (1, 8.0) if is_quick(__doc__ or "") else (5, 15.0)
    measured: dict[str, list[_Measured]] = {"bare": [], "ingest": []}
    for _ in range(rounds):
        measured["bare"].append(asyncio.run(_bare_round(seconds)))
        measured["ingest"].append(asyncio.run(_service_round(seconds)))
    rate = {name: statistics.median(each.values_per_s for each in found) for name, found in measured.items()}
    cpu = {name: statistics.median(each.cpu_us for each in found) for name, found in measured.items()}
    memory = asyncio.run(_many())
    rows = [(name, f"{rate[name]:,.0f}", f"{cpu[name]:.1f}") for name in measured]
    table(f"{MACHINES} machines of {TAGS} tags", ("", "values/s", "CPU us/value"), rows)
    table("memory", ("subscribed nodes", "MiB"), [(f"{MANY:,}", f"{memory:,.0f}")])
    result("opcua", values_per_s=rate["ingest"], cpu_ratio=cpu["ingest"] / cpu["bare"], mib_50000=memory)


if __name__ == "__main__":
    main()
