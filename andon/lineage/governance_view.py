"""Who stands behind the model that spoke, as a person reads it in a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

from andon.clock import isoformat
from andon.lineage.governance import Governance
from andon.models.bundle import MODEL_FILE
from andon.registry.audit import Entry, findings
from andon.registry.dossier import Checked, Dossier
from andon.registry.standing import Standing, details_of, standings
from andon.registry.wording import act_in_words, moment_in_words, printable, reason_of, share_in_words
from andon.signing.view import verdict_facts

_ROLES = ("production", "canary", "shadow")
_DOUBT = "yellow"
_WRONG = "red"


def governance_trees(governance: Governance, inference: Mapping[str, Any], spoken: int) -> list[Tree]:
    """Return what is known of the model behind an inference, a branch each.

    Args:
        governance: what the registry knows.
        inference: the inference event, which names a model.
        spoken: when it was written to the bus, microseconds UTC.
    """
    trees: list[Tree] = []
    if governance.dossier:
        trees += _version(governance.dossier, inference["model"])
    if governance.log:
        trees += _history(governance.log, inference, spoken)
    return [*trees, *(_branch(f"missing: {gap}", _DOUBT) for gap in governance.gaps)]


def _version(dossier: Dossier, model: Mapping[str, Any]) -> Iterator[Tree]:
    yield _digest(dossier, model["digest"])
    for checked in dossier.signatures:
        yield _signature(checked)
    yield _branch(f"published by {dossier.model.publisher} on {isoformat(dossier.model.published)}")
    (verdict, words), *criteria = verdict_facts(dossier.manifest.verdict)
    judged = _branch(f"verdict {verdict}: {words}")
    for name, found in criteria:
        judged.add(Text(f"{name} {found}"))
    yield judged


def _digest(dossier: Dossier, digest: str) -> Tree:
    signed = dossier.author.signature
    known = signed.files[MODEL_FILE] if signed else dossier.model.digest
    by = f"which {signed.signer} signed as author" if signed else "which the registry names; no signature counts here"
    if known != digest:
        return _branch(f"its SHA-256 is NOT the one {by}: {known}", _WRONG)
    return _branch(f"its SHA-256 is the one {by}", "" if signed else _DOUBT)


def _signature(checked: Checked) -> Tree:
    what = f"{checked.role}'s signature" + (f" as {checked.alias}" if checked.alias else "")
    if checked.signature:
        return _branch(f"{what}, checked here: {checked.signature.signer}, key {checked.signature.key}")
    unchecked = checked.reason.startswith("not checked")
    return _branch(f"{what} {'' if unchecked else 'DOES NOT COUNT: '}{checked.reason}", _DOUBT if unchecked else _WRONG)


def _history(log: Sequence[Entry], inference: Mapping[str, Any], spoken: int) -> Iterator[Tree]:
    name, version = inference["model"]["name"], inference["model"]["version"]
    yield _in_force(standings(log, name, spoken), version, inference.get("role", "production"), spoken)
    for entry in log:
        if _concerns(entry, name, version):
            yield _act(entry)
    wrong = list(findings(log))
    yield _branch(f"audit log of {len(log)} entries: {'NOT sound' if wrong else 'sound'}", _WRONG if wrong else "")


def _in_force(held: Mapping[str, Standing], version: str, role: str, spoken: int) -> Tree:
    """Return what the registry let speak when the inference was written, and whether this is what spoke."""
    as_told = role in held and held[role].version == version
    tree = _branch(f"in force on {isoformat(spoken)}, by the audit log:", "" if as_told else _DOUBT)
    for alias in _ROLES:
        if alias in held:
            tree.add(Text(_standing(alias, held[alias])))
    if not as_told:
        late = "inference follows changes a moment later, and serves from its cache while the registry is away"
        tree.add(Text(f"{version} spoke as {role} and was not: {late}", _DOUBT))
    return tree


def _standing(alias: str, held: Standing) -> str:
    where = share_in_words(held.share_permille)
    return f"{alias} {held.version} on {where} since {moment_in_words(held.since)}, by {held.actor}, entry {held.entry}"


def _concerns(entry: Entry, name: str, version: str) -> bool:
    return entry.name == name and version in (entry.version, details_of(entry).get("replaces"))


def _act(entry: Entry) -> Tree:
    tree = _branch(f"entry {entry.number}, {moment_in_words(entry.at)}: {act_in_words(entry)}")
    if reason := reason_of(entry):
        tree.add(Text(reason))
    return tree


def _branch(text: str, style: str = "") -> Tree:
    return Tree(Text(printable(text), style))
