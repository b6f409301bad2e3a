"""From what a server has to a first plant model and selection: what the machines are, and what classes they form."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.ingest.opcua.address import NodeAddress
from services.ingest.opcua.claims import some_of
from services.ingest.opcua.described import Description
from services.ingest.opcua.naming import dotted, machine_of, plain
from services.ingest.opcua.units import unit_of
from services.ingest.opcua.walk import Place, Walker

#: How long a value stands until the next change, unless a person knows better.
_CARRY = "1h"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMERIC = ("number", "integer")
#: Where rules look when they name no root.
_OBJECTS = "i=85"


@dataclass(slots=True)
class Machine:
    """An object that has variables.

    Attributes:
        place: the object.
        type: address of its type; None for one of the general types of OPC UA.
        tags: its variables by tag.
    """

    place: Place
    type: NodeAddress | None
    tags: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A start for a person to go on with.

    Attributes:
        plant: what plant.yaml can hold.
        select: what `select` of the source in sources.yaml can hold.
        notes: what could not be taken over, for a person.
    """

    plant: dict[str, Any]
    select: dict[str, Any]
    notes: list[str]


class Proposer:
    """Makes a proposal.

    Args:
        walker: knows the addresses.
        types: the server's ObjectTypes.
        descriptions: of all variables that were found.
        root: where the walk began, as written in a rule.
    """

    def __init__(
        self, walker: Walker, types: Sequence[Place], descriptions: Mapping[Place, Description], root: str
    ) -> None:
        self._walker, self._descriptions, self._root = walker, descriptions, root
        self._types = {each.child.node: each for each in types}
        self.notes: list[str] = []

    def propose(self, enterprise: str, site: str) -> Proposal:
        """Return plant model and selection for all variables that can be tags."""
        machines = self._machines()
        assets: dict[str, Any] = {}
        classes: dict[str, Any] = {}
        names: dict[tuple[Any, ...], str] = {}
        for path, machine in machines.items():
            tags = {name: self._tag(each) for name, each in machine.tags.items()}
            key = (machine.type, *((name, tag["kind"]) for name, tag in sorted(tags.items())))
            if key not in names:
                names[key] = _unused(self._class_name(machine), classes)
                classes[names[key]] = {"tags": tags}
            assets[path] = {"class": names[key]}
        plant = {"enterprise": enterprise, "site": site, "classes": classes, "assets": assets}
        return Proposal(plant, self._select(machines), self.notes)

    def _machines(self) -> dict[str, Machine]:
        """Return the machines by asset path, with the variables that can be tags."""
        machines: dict[str, Machine] = {}
        left: defaultdict[str, list[str]] = defaultdict(list)
        for variable, description in self._descriptions.items():
            place = self._machine(variable)
            path, tag = machine_of("{path}", place), dotted(variable.names(below=place))
            machine = machines.setdefault(path, Machine(place, self._type(place)))
            if description.kind is None:
                left[path].append(f"{tag} ({description.data_type})")
            elif machine.place is not place or tag in machine.tags:
                self.notes.append(
                    f"{path} {tag} is left out: another variable has these names ({self._address(variable)})"
                )
            else:
                machine.tags[tag] = variable
        self.notes += [f"{path}: left out, neither number nor boolean: {some_of(tags)}" for path, tags in left.items()]
        return {path: machine for path, machine in machines.items() if machine.tags}

    def _machine(self, variable: Place) -> Place:
        """Return the object that a variable belongs to: the topmost of a type of its own, else the nearest."""
        objects = [each for each in variable.way() if each.above and not each.child.is_variable]
        typed = [each for each in objects if self._type(each)]
        return typed[-1] if typed else objects[0] if objects else list(variable.way())[-1]

    def _type(self, place: Place) -> NodeAddress | None:
        known = self._types.get(place.child.type)
        return self._walker.space.address(known.child.node) if known and known.child.node.NamespaceIndex else None

    def _tag(self, variable: Place) -> dict[str, Any]:
        description = self._descriptions[variable]
        tag: dict[str, Any] = {"kind": description.kind, "carry": _CARRY}
        if description.kind not in _NUMERIC:
            return tag
        unit = unit_of(description.unit) if description.unit else None
        if description.unit and unit is None:
            self.notes.append(
                f"{variable.name}: unit {description.unit.DisplayName.Text!r} is not known here (add it by hand)"
            )
        given = {"unit": unit, "range": [_short(each) for each in description.range or ()] or None}
        return tag | {name: value for name, value in given.items() if value is not None}

    def _class_name(self, machine: Machine) -> str:
        """Return the type's name without ``Type``, or for a general type the machine's without its number."""
        if machine.type:
            return _hyphened(self._types[machine.place.child.type].name.removesuffix("Type"))
        return _hyphened(machine.place.name).rstrip("0123456789-_.") or "machine"

    def _select(self, machines: Mapping[str, Machine]) -> dict[str, Any]:
        """Return rules by type for machines of a type, and by node for all others."""
        start = {} if self._root == _OBJECTS else {"root": self._root}
        types = {str(self._types[each.place.child.type].child.name): None for each in machines.values() if each.type}
        nodes = [
            {"node": str(self._address(variable)), "asset": path, "tag": tag}
            for path, machine in machines.items()
            if machine.type is None
            for tag, variable in machine.tags.items()
        ]
        rules = {"types": [{"type": name, **start, "asset": "{path}"} for name in types], "nodes": nodes}
        return {name: some for name, some in rules.items() if some}

    def _address(self, place: Place) -> NodeAddress:
        return self._walker.space.address(place.child.node)


def _short(number: float) -> float:
    """Return the number as a person writes it: 50, not 50.0."""
    return int(number) if number.is_integer() else number


def _hyphened(name: str) -> str:
    return _HUMP.sub("-", plain(name)).lower()


def _unused(name: str, taken: Mapping[str, Any]) -> str:
    return next(
        each for each in (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))) if each not in taken
    )
