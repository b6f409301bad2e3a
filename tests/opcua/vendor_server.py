"""A vendor's OPC UA server for tests, as a process of its own: pumps and a tank, with limits, certificates and logins.

Prints ``ready`` when it listens.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
from pathlib import Path
from typing import Any

from asyncua import Node, Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_session import InternalSession
from asyncua.server.uaprocessor import UaProcessor
from asyncua.server.user_managers import UserManager
from asyncua.ua.ua_binary import struct_from_binary, uatcp_to_binary

from services.ingest.opcua.address import node_id

PUMPS = "http://vendor.example/pumps"
OTHERS = ("urn:vendor:first", "urn:vendor:second")
BAR = ua.EUInformation("http://www.opcfoundation.org/UA/units/un/cefact", 4342098, ua.LocalizedText("bar"))
PASSWORD = "s3cret"


class Logins(UserManager):
    """Knows one user, and takes whoever comes without a name."""

    def get_user(
        self, _: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> Any:
        return User(role=UserRole.User) if username is None or (username, password) == ("andon", PASSWORD) else None


class Limits:
    """Makes every session refuse requests of more than `most` nodes, and answer `references` of a node at a time."""

    def __init__(self, most: int, references: int) -> None:
        self._most, self._references = most, references
        self._points: dict[bytes, list[Any]] = {}

    def apply(self) -> None:
        for service in ("read", "browse", "translate_browsepaths_to_nodeids"):
            setattr(InternalSession, service, self._limited(getattr(InternalSession, service)))
        process: Any = UaProcessor._process_message

        async def process_message(server: Any, typeid: Any, header: Any, seqhdr: Any, body: Any) -> Any:
            if typeid != node_id(ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary):
                return await process(server, typeid, header, seqhdr, body)
            wanted = struct_from_binary(ua.BrowseNextParameters, body).ContinuationPoints
            results = [self._cut(ua.BrowseResult(References=self._points.pop(point))) for point in wanted]
            response = ua.BrowseNextResponse()
            response.Parameters.Results = results
            server.send_response(header.RequestHandle, seqhdr, response)
            return True

        setattr(UaProcessor, "_process_message", process_message)  # noqa: B010 - it is no attribute for mypy

    def _limited(self, call: Any) -> Any:
        async def limited(session: Any, params: Any) -> Any:
            asked = getattr(params, "NodesToRead", None) or getattr(params, "NodesToBrowse", None) or params
            if session.external and len(asked) > self._most:
                raise ua.uaerrors.BadTooManyOperations
            results = await call(session, params)
            return [self._cut(each) for each in results] if isinstance(params, ua.BrowseParameters) else results

        return limited

    def _cut(self, result: Any) -> Any:
        if len(result.References) <= self._references:
            return result
        if len(self._points) == 2:  # more are not kept
            return ua.BrowseResult(ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNoContinuationPoints)))
        point = str(id(result.References)).encode()
        self._points[point] = result.References[self._references :]
        return ua.BrowseResult(ContinuationPoint=point, References=result.References[: self._references])


def refuse_clients(status: int) -> None:
    """Answer every secured channel as a server does that does not trust the client: with an error, and good-bye."""

    opened: Any = UaProcessor.open_secure_channel
    kind: Any = ua.MessageType.Error

    def refuse(server: Any, algorithm: Any, *rest: Any) -> None:
        if algorithm.SecurityPolicyURI.endswith("#None"):
            opened(server, algorithm, *rest)
        else:
            error = ua.ErrorMessage(ua.StatusCode(ua.UInt32(status)), ua.String("no"))
            server._transport.write(uatcp_to_binary(kind, error))
            server._transport.close()

    setattr(UaProcessor, "open_secure_channel", refuse)  # noqa: B010 - it is no attribute for mypy


async def build(server: Server, index: int) -> None:
    """Add the types, two pumps, a booster (a kind of pump, with a pump in it) and a tank."""
    pump = await _pump_type(server, index)
    booster = await pump.add_object_type(node_id("BoosterType", index), f"{index}:BoosterType")
    line = await server.nodes.objects.add_folder(node_id("Line1", index), f"{index}:Line 1")
    for name, kind in {"Pump1": pump, "Pump2": pump, "Booster1": booster}.items():
        await _pump(line, name, kind.nodeid, index)
    tank = await line.add_object(node_id("Tank1", index), f"{index}:Tank1")
    await tank.add_variable(node_id("Tank1.Level", index), f"{index}:Level", 3.5)
    await tank.add_variable(node_id("Tank1.Product", index), f"{index}:Product", "water")
    refer_elsewhere(server, line.nodeid)


def refer_elsewhere(server: Server, node: ua.NodeId) -> None:
    """Add a reference to a pump that another server has."""
    references: list[Any] = server.iserver.aspace[node].references
    elsewhere: Any = copy.copy(next(each for each in references if each.IsForward and "Pump1" in each.BrowseName.Name))
    elsewhere.NodeId = ua.ExpandedNodeId(ua.String("Pump9"), node.NamespaceIndex, ServerIndex=ua.Int32(1))
    references.append(elsewhere)


async def _pump_type(server: Server, index: int) -> Node:
    base = server.nodes.base_object_type
    return await base.add_object_type(node_id("PumpType", index), f"{index}:PumpType")


async def _pump(line: Node, name: str, kind: ua.NodeId, index: int) -> None:
    pump = await line.add_object(node_id(name, index), f"{index}:{name}", kind)
    flow = await pump.add_variable(node_id(f"{name}.Flow", index), f"{index}:Flow", 12.5)
    await flow.add_property(0, "EURange", ua.Range(0, 50))
    await pump.add_variable(node_id(f"{name}.Starts", index), f"{index}:Starts", 7, ua.VariantType.UInt32)
    await pump.add_variable(node_id(f"{name}.Running", index), f"{index}:Running", True)
    await pump.add_property(node_id(f"{name}.Serial", index), f"{index}:Serial", "A-1")
    inner = await pump.add_object(node_id(f"{name}.Measurements", index), f"{index}:Measurements")
    pressure = await inner.add_variable(node_id(f"{name}.Pressure", index), f"{index}:Pressure", 4.0)
    await pressure.add_property(0, "EngineeringUnits", BAR)


async def serve(options: argparse.Namespace) -> None:
    server = Server(user_manager=Logins())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{options.port}/vendor")
    await server.set_application_uri("urn:vendor.example:server")
    if options.certificate:
        await server.load_certificate(options.certificate)
        await server.load_private_key(options.key)
    server.set_security_policy([ua.SecurityPolicyType[name] for name in options.policies])
    for uri in options.namespaces:
        await server.register_namespace(uri)
    for nodeset in options.nodesets:
        await server.import_xml(nodeset)
    if PUMPS in options.namespaces:
        await build(server, await server.get_namespace_index(PUMPS))
    if options.suspicious:
        refuse_clients(ua.StatusCodes.BadSecurityChecksFailed)
    if options.limit:
        Limits(options.limit, references=2).apply()
    async with server:
        print("ready", flush=True)  # noqa: T201 - for the test that waits for it
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--policies", nargs="+", default=["NoSecurity"])
    parser.add_argument("--namespaces", nargs="*", default=[OTHERS[0], PUMPS])
    parser.add_argument("--nodesets", nargs="*", default=[])
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--suspicious", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
