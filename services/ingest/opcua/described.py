"""What a server says of its variables: data type, unit, range, value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from services.ingest.opcua.address import OPC_UA, QualifiedName, node_id
from services.ingest.opcua.walk import Place, Walker

_KINDS = {
    node_id(ua.ObjectIds.Boolean): "boolean",
    node_id(ua.ObjectIds.Integer): "integer",
    node_id(ua.ObjectIds.UInteger): "integer",
    node_id(ua.ObjectIds.Enumeration): "integer",
    node_id(ua.ObjectIds.Number): "number",
}
_UNITS = QualifiedName("EngineeringUnits", OPC_UA)
_RANGE = QualifiedName("EURange", OPC_UA)


@dataclass(frozen=True, slots=True)
class Description:
    """What a server says of one variable.

    Attributes:
        data_type: browse name of the data type.
        kind: what kind of tag it can be; None for none.
        unit: the EUInformation, if there is one.
        range: lowest and highest value, if they are given and make sense.
        value: the value as read, if values were asked for.
    """

    data_type: str
    kind: str | None
    unit: Any = None
    range: tuple[float, float] | None = None
    value: ua.DataValue | None = None


async def describe(walker: Walker, found: Sequence[Place], *, values: bool) -> dict[Place, Description]:
    """Ask a server about the variables that were found.

    Raises:
        UaError: the server does not answer as it must.
    """
    variables = [each for each in found if each.is_value]
    nodes = [each.child.node for each in variables]
    types = await walker.space.read(nodes, ua.AttributeIds.DataType)
    ranks = await walker.space.read(nodes, ua.AttributeIds.ValueRank)
    read = await walker.space.read(nodes) if values else [None] * len(nodes)
    known = {each.child.node: each for each in await walker.types(ua.ObjectIds.BaseDataType)}
    units, ranges = await _properties(walker, found, _UNITS), await _properties(walker, found, _RANGE)
    described = {}
    for place, type_, rank, value in zip(variables, types, ranks, read, strict=True):
        data_type = known.get(_value(type_))
        kind = _kind(data_type) if data_type and not _is_array(_value(rank)) else None
        name = (data_type.name or "BaseDataType") if data_type else "unknown type"
        described[place] = Description(
            name + ("[]" if _is_array(_value(rank)) else ""), kind, units.get(place), _range(ranges.get(place)), value
        )
    return described


async def _properties(walker: Walker, found: Sequence[Place], name: QualifiedName) -> dict[Place, Any]:
    """Return the values of a standard property, by the variable that has it."""
    some = [each for each in found if each.child.is_property and each.child.name == name]
    read = await walker.space.read([each.child.node for each in some])
    return {each.above: _value(value) for each, value in zip(some, read, strict=True) if each.above and _value(value)}


def _value(read: ua.DataValue) -> Any:
    return read.Value.Value if read.Value is not None else None


def _is_array(rank: Any) -> bool:
    """Return whether a value rank (OPC UA part 3, 5.6.2) means arrays only."""
    return isinstance(rank, int) and rank >= 0


def _kind(data_type: Place) -> str | None:
    """Return the kind of the nearest data type above that has one."""
    return next((_KINDS[each.child.node] for each in data_type.way() if each.child.node in _KINDS), None)


def _range(given: Any) -> tuple[float, float] | None:
    if not isinstance(given, ua.Range):
        return None
    low, high = float(given.Low), float(given.High)
    return (low, high) if math.isfinite(low) and math.isfinite(high) and low < high else None
