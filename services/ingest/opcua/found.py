"""Selection by rules that find variables: all instances of a type, or all below a node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from asyncua import ua

from services.ingest.opcua.address import QualifiedName, namespace_index, parse_node, parse_path
from services.ingest.opcua.claims import Claim, Draft, Finding, some_of
from services.ingest.opcua.naming import dotted, machine_of, pattern, tag_of, written
from services.ingest.opcua.selection_config import BranchRule, ItemSettings, TypeRule, is_node
from services.ingest.opcua.walk import Place, Walker
from services.ingest.readings import Signals


async def by_branch(walker: Walker, place: str, rule: BranchRule) -> Draft:
    """Apply a rule that takes the variables below a node.

    Raises:
        UnknownNamespaceError: the server does not have the namespace of a node of the rule.
        UaError: the server does not answer as it must.
    """
    found = await walker.below(parse_node(rule.root).resolve(walker.space.namespaces), rule.depth)
    if found is None:
        return Draft(findings=[Finding(place, f"the server has no node {rule.root}")])
    taken, left = [pattern(each) for each in rule.include], [pattern(each) for each in rule.exclude]
    draft = Draft()
    for each in found:
        path = written(each.names())
        if each.is_value and any(p.fullmatch(path) for p in taken) and not any(p.fullmatch(path) for p in left):
            machine = machine_of(rule.asset, each.above or each)
            draft.claims.append(_claim(walker, place, each, machine, tag_of(rule.tag, each), rule))
    if not draft.claims:
        text = f"no variable at most {rule.depth} levels below {rule.root} fits `include` and not `exclude`"
        draft.findings.append(Finding(place, text))
    return draft


async def by_type(walker: Walker, place: str, rule: TypeRule, signals: Signals) -> Draft:
    """Apply a rule that takes all instances of a type.

    Raises:
        UnknownNamespaceError: the server does not have the namespace of a node of the rule.
        UaError: the server does not answer as it must.
    """
    types = await _types(walker, rule.type)
    found = await walker.below(parse_node(rule.root).resolve(walker.space.namespaces), rule.depth)
    if found is None or not types:
        missing = f"node {rule.root}" if found is None else f"ObjectType {rule.type}"
        return Draft(findings=[Finding(place, f"the server has no {missing}")])
    instances = [each for each in found if each.child.type in types]
    if not instances:
        text = f"no instance of {rule.type} at most {rule.depth} levels below {rule.root}"
        return Draft(findings=[Finding(place, text)])
    return _Instances(walker, place, rule, signals).draft(instances, found)


async def _types(walker: Walker, text: str) -> set[ua.NodeId]:
    """Return the type and all its subtypes."""
    namespaces, types = walker.space.namespaces, await walker.types()
    if is_node(text):
        wanted = parse_node(text).resolve(namespaces)
        same = [each for each in types if each.child.node == wanted]
    else:
        (name,) = parse_path(text)
        namespace_index(name.uri or "", namespaces)
        same = [each for each in types if each.child.name == name]
    return {each.child.node for each in types if any(above in same for above in each.way())}


class _Instances:
    """Makes the variables of instances tags of machines."""

    def __init__(self, walker: Walker, place: str, rule: TypeRule, signals: Signals) -> None:
        self._walker, self._place, self._rule, self._signals = walker, place, rule, signals
        self._tags = {parse_path(path): tag for path, tag in rule.tags.items()}
        self._missing: defaultdict[str, list[str]] = defaultdict(list)

    def draft(self, instances: Sequence[Place], found: Sequence[Place]) -> Draft:
        """Return the claims; *found* is all that was met on the walk."""
        variables = _by_instance(instances, found)
        draft = Draft()
        for instance in instances:
            machine = self._machine(instance)
            if machine is None:
                address = self._walker.space.address(instance.child.node)
                self._missing["`assets` does not name, and `asset` is not given for"].append(
                    f"{instance.name} ({address})"
                )
            else:
                draft.claims += self._claims(instance, machine, variables[instance])
        draft.findings += [Finding(self._place, f"{what} {some_of(names)}") for what, names in self._missing.items()]
        return draft

    def _machine(self, instance: Place) -> str | None:
        """Return which machine an instance is: by its NodeId, by its name, or by the template."""
        named = self._rule.assets
        address = str(self._walker.space.address(instance.child.node))
        given = named.get(address) or named.get(instance.name)
        return given or (machine_of(self._rule.asset, instance) if self._rule.asset else None)

    def _claims(self, instance: Place, machine: str, variables: Sequence[Place]) -> list[Claim]:
        by_names = {each.names(below=instance): each for each in variables}
        named = self._named(machine, by_names) if self._tags else self._known(machine, by_names)
        return [_claim(self._walker, self._place, each, machine, tag, self._rule) for tag, each in named]

    def _named(self, machine: str, variables: dict[tuple[QualifiedName, ...], Place]) -> list[tuple[str, Place]]:
        """Return the variables that the rule names, with their tags."""
        found = []
        for path, tag in self._tags.items():
            same = [each for names, each in variables.items() if _is_same(names, path)]
            if not same:
                self._missing[f"no variable {written(path)} at"].append(machine)
            found += [(tag, each) for each in same]
        return found

    def _known(self, machine: str, variables: dict[tuple[QualifiedName, ...], Place]) -> list[tuple[str, Place]]:
        """Return the variables whose names are tags of the machine."""
        found = [(dotted(names), each) for names, each in variables.items()]
        known = [(tag, each) for tag, each in found if self._signals.find(machine, tag) is not None]
        if not known:
            reason = "no variable is, by its name, a tag in the plant model (give `tags`, or add the machine there)"
            self._missing[f"{reason} at"].append(machine)
        return known


def _by_instance(instances: Sequence[Place], found: Sequence[Place]) -> dict[Place, list[Place]]:
    """Return the variables of each instance: those below it, and not below another instance in it."""
    variables: dict[Place, list[Place]] = {instance: [] for instance in instances}
    for each in found:
        owner = next((above for above in each.way() if above in variables), None)
        if owner is not None and each.is_value:
            variables[owner].append(each)
    return variables


def _is_same(names: Sequence[QualifiedName], path: Sequence[QualifiedName]) -> bool:
    """Return whether a path means these names; a name of the path without namespace fits any."""
    pairs = zip(names, path, strict=False)
    return len(names) == len(path) and all(one.name == two.name and two.uri in (None, one.uri) for one, two in pairs)


def _claim(walker: Walker, place: str, found: Place, machine: str, tag: str, settings: ItemSettings) -> Claim:
    node = found.child.node
    return Claim(place, node, str(walker.space.address(node)), machine, tag, settings)
