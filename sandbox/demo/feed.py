"""Where a demo's frames come from: the recording itself, or simulated machines behind real protocol servers."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from andon.clock import SECOND, wall_clock
from andon.plant.load import load_plant
from sandbox.broker import free_port
from sandbox.chain import Chain, sources_file
from sandbox.demo.scenario import Part, Scenario
from sandbox.machines import plc
from sandbox.mosquitto import Mosquitto
from sandbox.station.record import DATA
from sandbox.supervisor import Service

#: Between the end of the simulation and the present when it starts to play, microseconds.
_LEAD = 5 * SECOND


class Feed(StrEnum):
    """What stands between the machines and ingest."""

    RECORDING = "recording"
    """Nothing: ingest replays the recording."""
    OPCUA = "opcua"
    """An OPC UA server, in a process of its own, that ingest subscribes to."""
    SPARKPLUG = "sparkplug"
    """A Sparkplug B edge node on an MQTT broker, to which ingest is the host application."""


def present(scenario: Scenario, feed: Feed) -> Scenario:
    """Return the scenario as it is fed: machines tell the present time, so its end is moved to now."""
    if feed is Feed.RECORDING:
        return scenario
    end = max(last for _, last in scenario.spans.values())
    return scenario.moved(wall_clock() - _LEAD - end)


@contextlib.asynccontextmanager
async def fed(
    scenario: Scenario, feed: Feed, pace: str, chain: Chain, directory: Path
) -> AsyncIterator[asyncio.Task[None]]:
    """Start ingest and what it reads, for the length of an `async with` block.

    Args:
        scenario: what is played.
        feed: by which way.
        pace: recorded seconds per second.
        chain: runs the services.
        directory: for files that they need.

    Yields:
        A task that ends when the last frame is out.
    """
    linger = {"ANDON_INGEST__LINGER": "5s"}  # so that its last figures can be read
    if feed is Feed.RECORDING:
        await chain.start("ingest", sources_file(directory, rehearsal(scenario.live, pace)) | linger, finishes=True)
        yield asyncio.create_task(chain.supervisor.finished("ingest"))
        return
    with contextlib.ExitStack() as stack:
        port = free_port()
        if feed is Feed.SPARKPLUG:
            broker = Mosquitto(directory)
            broker.start()
            stack.callback(broker.stop)
            port = broker.port
        source = _opcua(port, scenario) if feed is Feed.OPCUA else _sparkplug(port)
        await chain.start("ingest", sources_file(directory, source))
        await chain.supervisor.start(_machine(feed, scenario, pace, port))
        yield asyncio.create_task(chain.supervisor.finished("machines"))


def _machine(feed: Feed, scenario: Scenario, pace: str, port: int) -> Service:
    module = "plc" if feed is Feed.OPCUA else "edge"
    options = {"plant": scenario.plant_file, "port": port, "speed": pace, "shift": scenario.shift}
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    frames = str(scenario.live.folder / DATA)
    return Service("machines", (sys.executable, "-m", f"sandbox.machines.{module}", frames, *arguments), finishes=True)


def rehearsal(live: Part, speed: str) -> dict[str, Any]:
    """Return the entry of a sources file that replays *live* as if it were happening, under its own times."""
    return {
        "name": "demo",
        "kind": "recording",
        "folder": str(live.folder.resolve()),
        "mapping": str(live.mapping.resolve()),
        "to": "raw",
        "speed": speed,
        "skip_rows_per_file": live.skip_rows,
    }


def _opcua(port: int, scenario: Scenario) -> dict[str, Any]:
    classes = load_plant(scenario.plant_file).classes
    rules = [{"type": f"nsu={plc.NAMESPACE};{name.title()}Type", "asset": "{path}"} for name in classes]
    return {
        "name": "station",
        "kind": "opcua",
        "url": plc.url(port),
        "security": {"policy": "None"},
        "publishing": "100ms",
        "sampling": "0s",
        "queue": 500,
        "report": "samples",
        "select": {"types": rules},
    }


def _sparkplug(port: int) -> dict[str, Any]:
    return {"name": "station", "kind": "sparkplug", "broker": {"host": "127.0.0.1", "port": port}}
