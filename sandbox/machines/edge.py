"""``python -m sandbox.machines.edge``: the simulated station as a Sparkplug B edge node on an MQTT broker.

It waits, as the specification asks of edge nodes with a primary host, until that host says that it is online.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import aiomqtt
import orjson
import typer

from andon.clock import SECOND
from andon.plant import Plant
from andon.plant.load import load_plant
from andon.uns import SparkplugState
from sandbox.edge_node import EdgeNode, connected
from sandbox.machines.playback import load_frames, play

_SEPARATOR = ":"


class RecordedClock:
    """Tells the time of the recording: what the edge node's own clock would have said."""

    def __init__(self, begins: int) -> None:
        self.now = begins

    def __call__(self) -> int:
        """Return microseconds UTC."""
        return self.now


async def _run(plant: Plant, frames: Path, host: str, port: int, primary: str, speed: float, shift: int) -> None:
    recorded = load_frames(frames, shift)
    rows = recorded.to_dicts()
    clock = RecordedClock(int(recorded["time"][0]) - SECOND)
    node = _edge_node(plant, rows, clock)
    typer.echo(f"edge node waits for host {primary} at {host}:{port}")
    await _online(host, port, primary)
    async with connected(node, host, port) as connection:
        typer.echo("born; the station runs")
        async for batch in play(recorded, speed):
            for row in batch:
                clock.now = row["time"]
                device, values = row["asset"].rpartition("/")[2], _values(plant, row)
                await connection.publish(device, values, time=row["time"])
        typer.echo("the last value is out")


def _edge_node(plant: Plant, rows: list[dict[str, Any]], clock: RecordedClock) -> EdgeNode:
    """Return the edge node that all machines are devices of, born with each machine's first values."""
    parents = {asset.rpartition("/")[0] for asset in plant.assets}
    if len(parents) != 1:
        raise typer.BadParameter(f"the machines lie below {len(parents)} paths; an edge node takes those of one")
    first: dict[str | None, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["asset"].rpartition("/")[2], _values(plant, row))
    group = f"{plant.enterprise}{_SEPARATOR}{plant.site}"
    return EdgeNode(group, parents.pop().replace("/", _SEPARATOR), first, clock=clock)


def _values(plant: Plant, row: dict[str, Any]) -> dict[str, Any]:
    return {tag: row[tag] for tag in plant.classes[plant.assets[row["asset"]].asset_class].tags}


async def _online(host: str, port: int, primary: str) -> None:
    """Return once the primary host application says that it is online."""
    async with aiomqtt.Client(host, port) as client:
        await client.subscribe(str(SparkplugState(primary)), qos=1)
        async for message in client.messages:
            if orjson.loads(bytes(message.payload))["online"]:
                return


def main(
    frames: Annotated[Path, typer.Argument(help="A simulation's frames.parquet.")],
    plant: Annotated[Path, typer.Option(help="The plant model.")],
    host: Annotated[str, typer.Option(help="The MQTT broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port.")] = 1883,
    primary: Annotated[str, typer.Option(help="Id of the primary host application.")] = "andon",
    speed: Annotated[float, typer.Option(help="Recorded seconds per second.")] = 1.0,
    shift: Annotated[int, typer.Option(help="Added to each recorded time, microseconds.")] = 0,
) -> None:
    """Publish the machines of a plant model by Sparkplug B, and play a simulation once the host is online."""
    asyncio.run(_run(load_plant(plant), frames, host, port, primary, speed, shift))


if __name__ == "__main__":
    typer.run(main)
