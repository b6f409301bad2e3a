"""The address space of a server, read in requests that the server can take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.ua import uaerrors

from services.ingest.opcua.address import OPC_UA, NodeAddress, QualifiedName, address_of, namespace_index, node_id

_Request = TypeVar("_Request")
_Result = TypeVar("_Result")

#: Answers that a smaller request can avoid.
_TOO_MUCH = (
    uaerrors.BadTooManyOperations,
    uaerrors.BadEncodingLimitsExceeded,
    uaerrors.BadRequestTooLarge,
    uaerrors.BadResponseTooLarge,
)
#: Nodes in one request, at most; servers that name no limit do have one.
_BATCH = 500
_LIMITS = {
    "browse": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "read": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "translate": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
}
#: References that lead to where events come from; the same objects are reached as parts, too.
_OF_EVENTS = (node_id(ua.ObjectIds.HasNotifier), node_id(ua.ObjectIds.HasEventSource))
_FORWARD: Any = False  # asyncua's own Boolean is but a name for bool
_HAS_PROPERTY = node_id(ua.ObjectIds.HasProperty)
_OBJECTS_AND_VARIABLES = ua.NodeClass.Object | ua.NodeClass.Variable


@dataclass(frozen=True, slots=True)
class Child:
    """A node as its parent refers to it.

    Attributes:
        node: its NodeId at this server, now.
        name: its browse name.
        is_variable: whether it has a value; else it is an object, or a type.
        is_property: whether it describes its parent.
        type: its type definition.
    """

    node: ua.NodeId
    name: QualifiedName
    is_variable: bool
    is_property: bool
    type: ua.NodeId


class AddressSpace:
    """What a connected client sees of its server.

    Args:
        client: is connected.
        namespaces: the server's NamespaceArray.
        sizes: how many nodes to ask for at once: browse, read, translate. They shrink if the server says so.
    """

    def __init__(self, client: Client, namespaces: Sequence[str], sizes: dict[str, int]) -> None:
        self.namespaces = namespaces
        self._session = client.uaclient.session
        self._sizes = sizes

    @classmethod
    async def open(cls, client: Client) -> AddressSpace:
        """Ask a server for its namespaces and limits.

        Raises:
            UaError, OSError: the connection failed.
        """
        namespaces = await client.get_namespace_array()
        limits = await client.uaclient.session.read_attributes(
            [node_id(limit) for limit in _LIMITS.values()], ua.AttributeIds.Value
        )
        sizes = {name: _size(limit) for name, limit in zip(_LIMITS, limits, strict=True)}
        return cls(client, namespaces, sizes)

    def address(self, node: ua.NodeId) -> NodeAddress:
        """Return the address that holds at any start of the server."""
        return address_of(node, self.namespaces)

    async def children(self, nodes: Sequence[ua.NodeId]) -> list[list[Child]]:
        """Return the objects and variables that each node consists of or organizes.

        Raises:
            UaError: the server does not answer as it must.
        """
        found = await self._references(nodes, ua.ObjectIds.HierarchicalReferences, _OBJECTS_AND_VARIABLES)
        parts = [[each for each in references if each.ReferenceTypeId not in _OF_EVENTS] for references in found]
        return [self._children(references) for references in parts]

    async def subtypes(self, nodes: Sequence[ua.NodeId]) -> list[list[Child]]:
        """Return the direct subtypes of each type.

        Raises:
            UaError: the server does not answer as it must.
        """
        found = await self._references(nodes, ua.ObjectIds.HasSubtype, 0)
        return [self._children(references) for references in found]

    async def follow(self, paths: Sequence[tuple[ua.NodeId, Sequence[QualifiedName]]]) -> list[list[ua.NodeId]]:
        """Return the nodes at the end of each browse path, none for a path that leads nowhere.

        Raises:
            UnknownNamespaceError: a name is in a namespace that the server does not have.
            UaError: the server does not answer as it must.
        """
        requests = [self._browse_path(start, names) for start, names in paths]
        results = await self._in_batches("translate", requests, self._session.translate_browsepaths_to_nodeids)
        return [[target.TargetId for target in result.Targets or ()] for result in results]

    async def read(
        self, nodes: Sequence[ua.NodeId], attribute: ua.AttributeIds = ua.AttributeIds.Value
    ) -> list[ua.DataValue]:
        """Return an attribute of each node; a node that does not have it gives a bad status.

        Raises:
            UaError: the server does not answer as it must.
        """

        async def read(batch: list[ua.NodeId]) -> list[ua.DataValue]:
            return await self._session.read_attributes(batch, attribute)

        return await self._in_batches("read", nodes, read)

    def _browse_path(self, start: ua.NodeId, names: Sequence[QualifiedName]) -> ua.BrowsePath:
        elements = [
            ua.RelativePathElement(
                node_id(ua.ObjectIds.HierarchicalReferences),
                IsInverse=_FORWARD,
                TargetName=ua.QualifiedName(each.name, namespace_index(each.uri or OPC_UA, self.namespaces)),
            )
            for each in names
        ]
        return ua.BrowsePath(start, ua.RelativePath(elements))

    def _children(self, references: Sequence[ua.ReferenceDescription]) -> list[Child]:
        return [self._child(each, node) for each in references if (node := self._here(each.NodeId)) is not None]

    def _here(self, node: ua.NodeId) -> ua.NodeId | None:
        """Return the NodeId that an ExpandedNodeId (OPC UA part 4, 7.16) means; None for one of another server."""
        if isinstance(node, ua.ExpandedNodeId):
            if node.ServerIndex or (node.NamespaceUri and node.NamespaceUri not in self.namespaces):
                return None
            index = self.namespaces.index(node.NamespaceUri) if node.NamespaceUri else node.NamespaceIndex
            return node_id(node.Identifier, index)
        return node if node.NamespaceIndex < len(self.namespaces) else None

    def _child(self, reference: ua.ReferenceDescription, node: ua.NodeId) -> Child:
        name = reference.BrowseName
        index = name.NamespaceIndex
        uri = self.namespaces[index] if 0 < index < len(self.namespaces) else OPC_UA
        return Child(
            node,
            QualifiedName(name.Name or "", uri),
            reference.NodeClass == ua.NodeClass.Variable,
            reference.ReferenceTypeId == _HAS_PROPERTY,
            reference.TypeDefinition,
        )

    async def _references(
        self, nodes: Sequence[ua.NodeId], kind: int, classes: int
    ) -> list[list[ua.ReferenceDescription]]:
        wanted = [
            ua.BrowseDescription(
                node,
                ua.BrowseDirection.Forward,
                node_id(kind),
                NodeClassMask=ua.UInt32(classes),
                ResultMask=ua.UInt32(ua.BrowseResultMask.All),
            )
            for node in nodes
        ]
        return await self._in_batches("browse", wanted, self._browse)

    async def _browse(self, batch: list[ua.BrowseDescription]) -> list[list[ua.ReferenceDescription]]:
        results = await self._session.browse(ua.BrowseParameters(NodesToBrowse=batch))
        found = [list(result.References or ()) for result in results]
        await self._browse_on({at: each.ContinuationPoint for at, each in enumerate(results)}, found)
        for at, result in enumerate(results):
            if result.StatusCode.value == ua.StatusCodes.BadNoContinuationPoints:  # all were taken by the others
                if len(batch) == 1:
                    raise uaerrors.BadNoContinuationPoints
                found[at] = (await self._browse([batch[at]]))[0]
        return found

    async def _browse_on(self, points: dict[int, bytes | None], found: list[list[ua.ReferenceDescription]]) -> None:
        """Fetch what did not fit in the first answer, until there is no more."""
        while points := {at: point for at, point in points.items() if point}:
            request = ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=list(points.values()))
            results = await self._session.browse_next(request)
            for at, result in zip(points, results, strict=True):
                result.StatusCode.check()
                found[at].extend(result.References or ())
            points = {at: each.ContinuationPoint for at, each in zip(points, results, strict=True)}

    async def _in_batches(
        self, service: str, requests: Sequence[_Request], call: Callable[[list[_Request]], Awaitable[list[_Result]]]
    ) -> list[_Result]:
        """Return one result a request; halve the batch whenever the server says that it is too large."""
        results: list[_Result] = []
        while len(results) < len(requests):
            batch = list(requests[len(results) : len(results) + self._sizes[service]])
            try:
                answer = await call(batch)
            except _TOO_MUCH:
                if len(batch) == 1:
                    raise
                self._sizes[service] = len(batch) // 2
                continue
            if len(answer) != len(batch):
                raise ua.UaError(f"{service} of {len(batch)} nodes: the server answered for {len(answer)}")
            results.extend(answer)
        return results


def _size(limit: ua.DataValue) -> int:
    """Return how many nodes to ask for, given what the server says of its limit: maybe nothing, or 0 for none."""
    value = limit.Value.Value if limit.Value is not None else None
    return min(value, _BATCH) if isinstance(value, int) and value > 0 else _BATCH
