"""Selection by rules that name each variable: by NodeId or by browse path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncua import ua

from services.ingest.opcua.address import QualifiedName, UnknownNamespaceError, namespace_index, parse_node, parse_path
from services.ingest.opcua.claims import Claim, Draft, Finding
from services.ingest.opcua.selection_config import NodeRule, PathRule
from services.ingest.opcua.space import AddressSpace


async def by_node(space: AddressSpace, rules: Iterable[tuple[str, NodeRule]]) -> Draft:
    """Apply rules that give a NodeId, each with its place.

    Raises:
        UaError: the server does not answer as it must.
    """
    draft = Draft()
    for place, rule in rules:
        try:
            node = parse_node(rule.node).resolve(space.namespaces)
        except UnknownNamespaceError as error:
            draft.findings.append(Finding(place, f"{rule.node}: {error}"))
        else:
            draft.claims.append(Claim(place, node, rule.node, rule.asset, rule.tag, rule))
    return await _variables(space, draft)


async def by_path(space: AddressSpace, rules: Iterable[tuple[str, PathRule]]) -> Draft:
    """Apply rules that give a browse path, each with its place.

    Raises:
        UaError: the server does not answer as it must.
    """
    draft, known = Draft(), []
    for place, rule in rules:
        try:
            known.append((place, rule, _start_and_names(rule, space.namespaces)))
        except UnknownNamespaceError as error:
            draft.findings.append(Finding(place, f"{rule.path}: {error}"))
    ends = await space.follow([path for _, _, path in known])
    for (place, rule, _), nodes in zip(known, ends, strict=True):
        if len(nodes) == 1:
            draft.claims.append(Claim(place, nodes[0], str(space.address(nodes[0])), rule.asset, rule.tag, rule))
        else:
            draft.findings.append(Finding(place, f"{rule.path}: {_astray(nodes)}"))
    return await _variables(space, draft)


def _start_and_names(rule: PathRule, namespaces: Sequence[str]) -> tuple[ua.NodeId, tuple[QualifiedName, ...]]:
    names = parse_path(rule.path, rule.namespace)
    for name in names:
        namespace_index(name.uri or "", namespaces)
    return parse_node(rule.root).resolve(namespaces), names


def _astray(nodes: Sequence[ua.NodeId]) -> str:
    if nodes:
        return f"leads to {len(nodes)} nodes (give the NodeId of one)"
    return "leads to no node (`andon browse` shows names and their namespaces)"


async def _variables(space: AddressSpace, draft: Draft) -> Draft:
    """Drop the claims of nodes that are not there or have no value."""
    kinds = await space.read([claim.node for claim in draft.claims], ua.AttributeIds.NodeClass)
    kept = Draft(findings=draft.findings)
    for claim, kind in zip(draft.claims, kinds, strict=True):
        if kind.Value is not None and kind.Value.Value == ua.NodeClass.Variable:
            kept.claims.append(claim)
        elif kind.Value is None or kind.Value.Value is None:
            kept.findings.append(Finding(claim.place, f"the server has no node {claim.address}"))
        else:
            name = ua.NodeClass(kind.Value.Value).name
            kept.findings.append(Finding(claim.place, f"{claim.address} is no variable but of class {name}"))
    return kept
