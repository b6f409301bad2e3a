"""``python -m sandbox.machines.plc``: the simulated station behind a real OPC UA server.

The address space looks as a vendor's would: one object type a class, one instance a machine, its tags as variables
with engineering units and ranges. Values carry the simulation's times as source timestamps.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from asyncua import Node, Server, ua
from asyncua.common.callback import CallbackType

from andon.clock import SECOND
from andon.plant import Plant
from andon.plant.load import load_plant
from sandbox.machines.playback import load_frames, play

#: Namespace of the station's nodes.
NAMESPACE = "urn:acme:riverside"
#: Seconds that the server stays up after the last value, so that every client has it.
_LINGER_S = 8.0
_ZERO = {ua.VariantType.Double: 0.0, ua.VariantType.Int64: 0, ua.VariantType.Boolean: False}
_TYPES = {"number": ua.VariantType.Double, "integer": ua.VariantType.Int64, "boolean": ua.VariantType.Boolean}


def url(port: int) -> str:
    """Return the server's address."""
    return f"opc.tcp://127.0.0.1:{port}/riverside"


class Plc:
    """An OPC UA server with a variable for every tag of every machine.

    Args:
        plant: which machines there are.
        url: where to listen, such as ``opc.tcp://127.0.0.1:4840``.
    """

    def __init__(self, plant: Plant, url: str) -> None:
        self._plant, self._url = plant, url
        self._server = Server()
        self._nodes: dict[tuple[str, str], tuple[ua.NodeId, ua.VariantType]] = {}
        self._watched = 0
        self._all_watched = asyncio.Event()

    async def start(self) -> None:
        """Build the address space and listen."""
        server = self._server
        await server.init()
        server.set_endpoint(self._url)
        server.set_server_name("Riverside pump station")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace(NAMESPACE)
        types = {name: await self._add_type(name, index) for name in self._plant.classes}
        for asset, each in self._plant.assets.items():
            await self._add_machine(asset, each.asset_class, types[each.asset_class], index)
        server.subscribe_server_callback(CallbackType.ItemSubscriptionCreated, self._on_watched)
        await server.start()

    async def stop(self) -> None:
        """Close all sessions and stop listening."""
        await self._server.stop()

    async def watched(self) -> None:
        """Return once every variable is somebody's monitored item."""
        await self._all_watched.wait()

    async def wait_for_data(self, moment: int) -> None:
        """Say of every variable that it has no value yet, as of *moment* (microseconds UTC)."""
        code = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadWaitingForInitialData))
        void = ua.DataValue(ua.Variant(None), code, SourceTimestamp=_timestamp(moment))
        for node, _ in self._nodes.values():
            await self._server.write_attribute_value(node, void)

    async def write(self, rows: list[dict[str, Any]]) -> None:
        """Write the values of frames (asset, time, one entry a tag)."""
        for row in rows:
            moment = _timestamp(row["time"])
            for tag in self._plant.classes[self._plant.assets[row["asset"]].asset_class].tags:
                node, kind = self._nodes[row["asset"], tag]
                await self._server.write_attribute_value(node, _data_value(row[tag], kind, moment))

    async def _add_type(self, name: str, index: int) -> Node:
        base = self._server.nodes.base_object_type
        made = await base.add_object_type(_node(f"{name.title()}Type", index), f"{index}:{name.title()}Type")
        for tag, spec in self._plant.classes[name].tags.items():
            kind = _TYPES[spec.kind]
            variable = await made.add_variable(index, tag, _ZERO[kind], kind)
            await variable.set_modelling_rule(True)
            if spec.range:
                await _describe(variable, "EURange", ua.Range(*spec.range))
            if spec.unit:
                unit = ua.EUInformation(DisplayName=ua.LocalizedText(spec.unit))
                await _describe(variable, "EngineeringUnits", unit)
        return made

    async def _add_machine(self, asset: str, asset_class: str, made_of: Node, index: int) -> None:
        parent = self._server.nodes.objects
        *folders, name = asset.split("/")
        for depth, folder in enumerate(folders, start=1):
            parent = await self._folder(parent, "/".join(folders[:depth]), folder, index)
        machine = await parent.add_object(_node(asset, index), f"{index}:{name}", made_of.nodeid)
        for tag, spec in self._plant.classes[asset_class].tags.items():
            variable = await machine.get_child(f"{index}:{tag}")
            self._nodes[asset, tag] = (variable.nodeid, _TYPES[spec.kind])

    async def _folder(self, parent: Node, path: str, name: str, index: int) -> Node:
        node = self._server.get_node(_node(path, index))
        known = {child.nodeid for child in await parent.get_children()}
        return node if node.nodeid in known else await parent.add_folder(node.nodeid, f"{index}:{name}")

    def _on_watched(self, event: Any, _: Any = None) -> None:
        self._watched += sum(result.StatusCode.is_good() for result in event.response_params)
        if self._watched >= len(self._nodes):
            self._all_watched.set()


def _node(name: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(name), ua.Int16(index))


async def _describe(variable: Node, name: str, value: Any) -> None:
    made = await variable.add_property(0, name, value)
    await made.set_modelling_rule(True)


def _timestamp(moment: int) -> ua.DateTime:
    """Return microseconds UTC in the form that asyncua writes: UTC without a zone."""
    return cast(ua.DateTime, datetime(1970, 1, 1) + timedelta(microseconds=moment))


def _data_value(value: Any, kind: ua.VariantType, moment: ua.DateTime) -> ua.DataValue:
    if value is None:
        code = ua.StatusCode(ua.UInt32(ua.StatusCodes.BadSensorFailure))
        return ua.DataValue(ua.Variant(None), code, SourceTimestamp=moment)
    return ua.DataValue(ua.Variant(value, kind), SourceTimestamp=moment)


async def _run(plant: Plant, frames: Path, port: int, speed: float, shift: int) -> None:
    plc, recorded = Plc(plant, url(port)), load_frames(frames, shift)
    await plc.start()
    await plc.wait_for_data(int(recorded["time"][0]) - SECOND)
    typer.echo(f"OPC UA server at {url(port)}; waiting for a client to subscribe to all of it")
    await plc.watched()
    typer.echo("all variables are watched; the station runs")
    async for rows in play(recorded, speed):
        await plc.write(rows)
    typer.echo("the last value is out")
    await asyncio.sleep(_LINGER_S)  # a client has no way to say that it has read everything
    await plc.stop()


def main(
    frames: Annotated[Path, typer.Argument(help="A simulation's frames.parquet.")],
    plant: Annotated[Path, typer.Option(help="The plant model.")],
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 4840,
    speed: Annotated[float, typer.Option(help="Recorded seconds per second.")] = 1.0,
    shift: Annotated[int, typer.Option(help="Added to each recorded time, microseconds.")] = 0,
) -> None:
    """Serve the machines of a plant model by OPC UA, and play a simulation once a client watches all of them."""
    asyncio.run(_run(load_plant(plant), frames, port, speed, shift))


if __name__ == "__main__":
    typer.run(main)
