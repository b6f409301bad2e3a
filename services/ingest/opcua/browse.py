"""What `andon browse` shows: the address space as a tree, or as the start of a plant model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from asyncua import ua
from rich.text import Text
from rich.tree import Tree

from andon.errors import ConfigError
from services.ingest.opcua.address import UnknownNamespaceError, parse_node
from services.ingest.opcua.described import Description, describe
from services.ingest.opcua.proposal import Proposal, Proposer
from services.ingest.opcua.security import SecureClient
from services.ingest.opcua.space import AddressSpace
from services.ingest.opcua.walk import Place, Walker

#: Characters of a value that are shown.
_SHOWN = 60
#: Texts that YAML 1.2 takes for nothing else, apart from those that YAML 1.1, which quotes them, would, too.
_SURELY_TEXT = re.compile(r"[A-Za-z].*|\d+(ms|s|min|h|d)")


@dataclass(frozen=True, slots=True)
class Browsed:
    """A branch of an address space.

    Attributes:
        walker: knows the addresses.
        found: objects and variables, by level.
        types: the server's ObjectTypes.
        descriptions: of the variables.
    """

    walker: Walker
    found: Sequence[Place]
    types: Sequence[Place]
    descriptions: Mapping[Place, Description]


async def read_branch(client: SecureClient, root: str, depth: int, *, values: bool) -> Browsed:
    """Read what is below a node.

    Args:
        client: is connected.
        root: the node, as `parse_node` reads it.
        depth: how many levels.
        values: whether to read the variables' values, too.

    Raises:
        ConfigError: *root* is no NodeId, or the server has no such node.
        UaError, OSError: the server does not answer as it must.
    """
    walker = Walker(await AddressSpace.open(client))
    try:
        found = await walker.below(parse_node(root).resolve(walker.space.namespaces), depth)
    except (ValueError, UnknownNamespaceError) as error:
        raise ConfigError(f"--root: {error}") from None
    if found is None:
        raise ConfigError(f"--root: the server has no node {root}")
    return Browsed(walker, found, await walker.types(), await describe(walker, found, values=values))


def tree(browsed: Browsed, title: str) -> Tree:
    """Return the branch as a tree: name, NodeId, and type, of variables also unit, range and value."""
    top = Tree(Text(title, "bold"), guide_style="dim")
    types = {each.child.node: each.name for each in browsed.types}
    branches: dict[Place | None, Tree] = {}
    for place in browsed.found:
        if place.child.is_property and not place.is_value:
            continue
        line = Text.assemble((place.name, "bold"), "  ", (str(browsed.walker.space.address(place.child.node)), "dim"))
        if place in browsed.descriptions:
            line.append("  " + _described(browsed.descriptions[place]), "cyan")
        elif types.get(place.child.type):
            line.append(f"  {types[place.child.type]}", "green")
        branches[place] = branches.get(place.above, top).add(line)
    return top


def proposal(browsed: Browsed, root: str, enterprise: str, site: str) -> Proposal:
    """Return the branch as the start of a plant model and of a source's selection."""
    return Proposer(browsed.walker, browsed.types, browsed.descriptions, root).propose(enterprise, site)


def as_yaml(data: Any) -> str:
    """Return data as YAML that the plant model's reader reads the same: its texts stay texts."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Dumper(yaml.SafeDumper):
    """Quotes all texts that YAML 1.2 could take for something else."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if _SURELY_TEXT.fullmatch(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _inline(dumper: yaml.SafeDumper, some: list[Any]) -> yaml.SequenceNode:
    numbers = all(isinstance(each, int | float) for each in some)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", some, flow_style=numbers)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _inline)


def _described(description: Description) -> str:
    parts = [description.data_type]
    if description.range:
        parts.append("{:g}..{:g}".format(*description.range))
    if description.unit:
        parts.append(str(description.unit.DisplayName.Text))
    if description.value is not None:
        parts.append(f"= {_shown(description.value)}")
    return " ".join(parts)


def _shown(read: ua.DataValue) -> str:
    if read.StatusCode is not None and not read.StatusCode.is_good():
        return str(read.StatusCode.name)
    value = read.Value.Value if read.Value is not None else None
    text = str(value.Text if isinstance(value, ua.LocalizedText) else value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
