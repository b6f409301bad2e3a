"""Walks through an address space, level by level, so that a level costs few requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asyncua import ua

from services.ingest.opcua.address import OPC_UA, QualifiedName, node_id
from services.ingest.opcua.space import AddressSpace, Child


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A node and the way to it.

    Attributes:
        child: the node.
        above: the place that it was reached from; None for the node that the walk started at.
    """

    child: Child
    above: Place | None = None

    @property
    def name(self) -> str:
        """Browse name, without its namespace."""
        return self.child.name.name

    @property
    def is_value(self) -> bool:
        """Whether it is a variable of the machine, not one of the properties by which OPC UA describes variables."""
        return self.child.is_variable and not (self.child.is_property and self.child.name.uri == OPC_UA)

    @property
    def parent(self) -> str:
        """Browse name of the node above, nothing for the start of the walk."""
        return self.above.name if self.above else ""

    def names(self, below: Place | None = None) -> tuple[QualifiedName, ...]:
        """Return the names on the way from *below*, or from the start of the walk, to here."""
        steps: list[QualifiedName] = []
        place: Place = self
        while place is not below and place.above is not None:
            steps.append(place.child.name)
            place = place.above
        return tuple(reversed(steps))

    def way(self) -> Iterator[Place]:
        """Yield this place and those above it, upwards."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.above


class Walker:
    """Walks, and remembers where it was, so that several rules about one branch cost one walk."""

    def __init__(self, space: AddressSpace) -> None:
        self.space = space
        self._walks: dict[tuple[ua.NodeId, int], list[Place]] = {}

    async def below(self, root: ua.NodeId, depth: int) -> list[Place] | None:
        """Return all objects and variables below *root*, by level; None when the server has no such node.

        A node that several ways lead to is met once, on a shortest way. What OPC UA itself defines (namespace 0, such
        as the server's diagnostics) is left out, unless it is *root*.

        Raises:
            UaError: the server does not answer as it must.
        """
        start = await self._start(root)
        if start is not None and (root, depth) not in self._walks:
            self._walks[root, depth] = await self._walk(start, depth)
        return None if start is None else self._walks[root, depth]

    async def types(self, base: int = ua.ObjectIds.BaseObjectType) -> list[Place]:
        """Return a type of namespace 0 and all its subtypes, of ObjectTypes if it is not given.

        Raises:
            UaError: the server does not answer as it must.
        """
        start = Place(Child(node_id(base), QualifiedName("", OPC_UA), False, False, ua.NodeId()))
        level, found = [start], [start]
        while level:
            children = await self.space.subtypes([place.child.node for place in level])
            level = [Place(child, above) for above, some in zip(level, children, strict=True) for child in some]
            found += level
        return found

    async def _start(self, root: ua.NodeId) -> Place | None:
        (value,) = await self.space.read([root], ua.AttributeIds.BrowseName)
        if value.Value is None or not isinstance(value.Value.Value, ua.QualifiedName):
            return None
        name = QualifiedName(value.Value.Value.Name or "")
        return Place(Child(root, name, False, False, ua.NodeId()))

    async def _walk(self, start: Place, depth: int) -> list[Place]:
        met, level = {start.child.node}, [start]
        found: list[Place] = []
        for _ in range(depth):
            children = await self.space.children([place.child.node for place in level])
            reached = [Place(child, above) for above, some in zip(level, children, strict=True) for child in some]
            first = {each.child.node: each for each in reversed(reached) if _is_of_machine(each.child)}
            new = [each for node, each in first.items() if node not in met]
            met |= first.keys()
            found += reversed(new)
            level = [each for each in reversed(new) if not each.child.is_property]
            if not level:
                break
        return found


def _is_of_machine(child: Child) -> bool:
    """Return whether it is none of the standard's own nodes; a server may number properties among these, too."""
    return child.node.NamespaceIndex != 0 or child.is_property
