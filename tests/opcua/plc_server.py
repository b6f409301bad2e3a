"""A PLC for tests and benches: an OPC UA server that does what it is told by lines of JSON, as a process of its own.

``{"write": [[node, value, status, source_time_us], ...]}`` writes values; the last two may be left out.
``{"drop": node}`` deletes a node, ``{"load": rate}`` changes all nodes in turn, so many values a second in total.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from datetime import datetime, timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.server.address_space import AddressSpace
from asyncua.server.internal_session import InternalSession

NAMESPACE = "urn:acme:plc"
_LOAD_INTERVAL = 0.05
_FOLDER = 200


def node(name: str, index: int) -> ua.NodeId:
    return ua.NodeId(ua.String(name), ua.Int16(index))


def data_value(value: Any, status: int = 0, source_time: int | None = None) -> ua.DataValue:
    kind = {bool: ua.VariantType.Boolean, int: ua.VariantType.Int64, str: ua.VariantType.String}.get(type(value))
    variant = ua.Variant(None) if value is None else ua.Variant(value, kind or ua.VariantType.Double)
    moment: Any = datetime(1970, 1, 1) + timedelta(microseconds=source_time or time.time_ns() // 1_000)
    return ua.DataValue(
        variant, ua.StatusCode(ua.UInt32(status)), SourceTimestamp=moment, ServerTimestamp=ua.DateTime.now()
    )


def limit_calls(most: int) -> None:
    """Answer BadTooManyOperations to requests for more monitored items at once, without saying so before."""
    create = InternalSession.create_monitored_items

    async def limited(session: Any, params: Any) -> Any:
        if len(params.ItemsToCreate) > most:
            raise ua.uaerrors.BadTooManyOperations
        return await create(session, params)

    InternalSession.create_monitored_items = limited  # type: ignore[method-assign,assignment]


def know_no_percent() -> None:
    """Refuse items with a percent deadband, as servers do for variables without EURange."""
    create = InternalSession.create_monitored_items

    async def choosy(session: Any, params: Any) -> Any:
        filters = [item.RequestedParameters.Filter for item in params.ItemsToCreate]  # which the server takes away
        results = await create(session, params)
        refused = ua.MonitoredItemCreateResult(ua.StatusCode(ua.UInt32(ua.StatusCodes.BadDeadbandFilterInvalid)))
        kinds = [getattr(each, "DeadbandType", None) for each in filters]
        return [refused if kind == ua.DeadbandType.Percent else each for kind, each in zip(kinds, results, strict=True)]

    InternalSession.create_monitored_items = choosy  # type: ignore[method-assign,assignment]


class Plc:
    def __init__(self, server: Server, names: list[str], index: int) -> None:
        self._server, self._names, self._index = server, names, index
        self._load: asyncio.Task[None] | None = None

    async def obey(self, command: dict[str, Any]) -> None:
        for name, *written in command.get("write", ()):
            await self._server.write_attribute_value(node(name, self._index), data_value(*written))
        if "drop" in command:
            await self._server.get_node(node(command["drop"], self._index)).delete()
        if "load" in command:
            self._load = asyncio.create_task(self._change(command["load"]))

    async def _change(self, rate: int) -> None:
        """Change nodes in turn; every value is another one than before.

        Past the server's checks for writers, which cost more than all else together.
        """
        space = self._server.iserver.aspace
        values = [space._nodes[node(name, self._index)].attributes[ua.AttributeIds.Value] for name in self._names]
        at, begun, written = 0, time.monotonic(), 0
        while True:
            await asyncio.sleep(_LOAD_INTERVAL)
            due = round((time.monotonic() - begun) * rate) - written
            moment: Any = datetime(1970, 1, 1) + timedelta(microseconds=time.time_ns() // 1_000)
            for _ in range(due):
                at, written = (at + 1) % len(values), written + 1
                value = ua.DataValue(
                    ua.Variant(float(written), ua.VariantType.Double), SourceTimestamp=moment, ServerTimestamp=moment
                )
                values[at].value = value
                for handle, changed in values[at].datachange_callbacks.items():
                    await changed(handle, value)


async def serve(options: argparse.Namespace) -> None:
    if options.limit:
        limit_calls(options.limit)
    if options.no_percent:
        know_no_percent()
    # A careless server: its variables take values of any type.
    AddressSpace._is_expected_variant_type = lambda *_: True  # type: ignore[method-assign]
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{options.port}/plc")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    for number in range(options.before):
        await server.register_namespace(f"urn:acme:other:{number}")
    index = await server.register_namespace(NAMESPACE)
    names = options.names.split(",") if options.names else [f"n{number}" for number in range(options.count)]
    folder = server.nodes.objects
    for place, name in enumerate(names):
        if place % _FOLDER == 0:  # adding to a folder takes the longer the more it holds
            folder = await server.nodes.objects.add_folder(node(f"folder-{place}", index), f"{index}:folder-{place}")
        await folder.add_variable(node(name, index), f"{index}:{name}", 0.0)
    plc = Plc(server, names, index)
    async with server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for line in reader:
            await plc.obey(json.loads(line))
            sys.stdout.write("done\n")
            sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--names", default="")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--before", type=int, default=0, help="namespaces registered before the PLC's own")
    parser.add_argument("--limit", type=int, default=0, help="monitored items that one call may create")
    parser.add_argument("--no-percent", action="store_true", help="refuse items with a percent deadband")
    asyncio.run(serve(parser.parse_args()))
