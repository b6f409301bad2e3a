"""The variables that a source reads: what its rules find at the server as it is now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass

from asyncua import Client, ua

from services.ingest.opcua.address import UnknownNamespaceError
from services.ingest.opcua.claims import Claim, Draft, Finding, some_of
from services.ingest.opcua.explicit import by_node, by_path
from services.ingest.opcua.found import by_branch, by_type
from services.ingest.opcua.selection_config import ItemSettings, Select
from services.ingest.opcua.space import AddressSpace
from services.ingest.opcua.tag_list import read_list
from services.ingest.opcua.walk import Walker
from services.ingest.readings import Signals


@dataclass(frozen=True, slots=True)
class Item:
    """A variable to watch.

    Attributes:
        node: its NodeId, for this connection only.
        address: its NodeId with the namespace's URI, for logs and letters.
        signal: the number of its tag.
        settings: what its rule says of watching it.
    """

    node: ua.NodeId
    address: str
    signal: int
    settings: ItemSettings


@dataclass(frozen=True, slots=True)
class Selection:
    """What to watch, by number of the signal, and what is wrong with the rules."""

    items: tuple[Item, ...]
    findings: tuple[Finding, ...]


async def select(client: Client, config: Select, signals: Signals) -> Selection:
    """Find the variables that the rules mean. Call it at every connect: namespaces may have other numbers then.

    Whatever is wrong with one rule (it matches nothing, a node is unknown, a tag is not in the plant model, two
    variables are one tag) is a finding, and the rest is selected.

    Args:
        client: is connected.
        config: the rules.
        signals: the tags that there are.

    Raises:
        UaError: the server does not answer as it must.
        OSError: the connection failed.
    """
    space = await AddressSpace.open(client)
    walker = Walker(space)
    draft = Draft()
    draft += await by_node(space, ((f"nodes[{number}]", rule) for number, rule in enumerate(config.nodes)))
    draft += await by_path(space, ((f"paths[{number}]", rule) for number, rule in enumerate(config.paths)))
    for number, rule in enumerate(config.types):
        place = f"types[{number}]"
        draft += await _found(place, by_type(walker, place, rule, signals))
    for number, branch in enumerate(config.branches):
        place = f"branches[{number}]"
        draft += await _found(place, by_branch(walker, place, branch))
    for listed in config.lists:
        rows, findings = read_list(listed)
        draft += Draft(findings=findings)
        draft += await by_node(space, rows)
    return _settle(draft, signals)


async def _found(place: str, rule: Awaitable[Draft]) -> Draft:
    try:
        return await rule
    except UnknownNamespaceError as error:
        return Draft(findings=[Finding(place, str(error))])


def _settle(draft: Draft, signals: Signals) -> Selection:
    """Give every tag to the first variable that claims it."""
    taken: dict[int, Claim] = {}
    doubles: list[Finding] = []
    for claim in draft.claims:
        signal = signals.find(claim.asset, claim.tag)
        if signal is None:
            continue
        first = taken.setdefault(signal, claim)
        if first.node != claim.node:
            text = f"{claim.asset} {claim.tag}: {claim.address} is not read, because {first.address} ({first.place}) is"
            doubles.append(Finding(claim.place, f"{text} (remove one)"))
    items = (Item(claim.node, claim.address, signal, claim.settings) for signal, claim in sorted(taken.items()))
    return Selection(tuple(items), (*draft.findings, *_unknown(draft.claims, signals), *doubles))


def _unknown(claims: Iterable[Claim], signals: Signals) -> list[Finding]:
    """Return a finding for each rule whose machines or tags are not in the plant model."""
    assets = {asset for asset, _ in signals}
    machines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    tags: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for claim in claims:
        if claim.asset not in assets:
            machines[claim.place][claim.asset] = None
        elif signals.find(claim.asset, claim.tag) is None:
            tags[claim.place][f"{claim.asset} {claim.tag}"] = None
    return [
        Finding(place, f"not in the plant model, so not read: {what} {some_of(list(names))} (add to it, or exclude)")
        for what, by_place in (("machine", machines), ("tag", tags))
        for place, names in by_place.items()
    ]
