"""What the registry knows, as a person reads it in a terminal, however narrow."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from andon.clock import isoformat, to_datetime
from andon.registry.alias import alias_name
from andon.registry.audit import Entry
from andon.registry.dossier import Checked, Dossier
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.wording import (
    act_in_words,
    evidence_of,
    moment_in_words,
    parity_in_words,
    printable,
    reason_of,
    share_in_words,
)
from andon.signing.view import Facts, bundle_facts, facts_view

#: Columns that stay in one line, however narrow the terminal.
_WHOLE = frozenset({"version", "verdict"})


def models_view(listed: pb.ListResponse) -> Group:
    """Return versions, what they are used for, and what waits for a decision."""
    roles: dict[tuple[str, str], list[str]] = {}
    for each in listed.assignments:
        roles.setdefault((each.model.name, each.model.version), []).append(_alias(each))
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("model", "version", "used as", "verdict", "published"):
        table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
    for model in listed.models:
        used = ", ".join(roles.get((model.name, model.version), ()))
        published = f"by {model.publisher}, {to_datetime(model.published):%Y-%m-%d %H:%M} UTC"
        table.add_row(*map(Text, (model.name, model.version, used, verdict(model), published)))
    pending = [promotion for promotion in listed.promotions if promotion.state == "pending"]
    return Group(table, _rows(map(_waiting, pending)))


def verdict(model: pb.ModelVersion) -> str:
    """Return whether a version may act by its own verdict."""
    return "go" if model.go else "no go"


def entries_view(entries: Iterable[Entry]) -> Table:
    """Return entries of the audit log: what was done, why, and the keys and digests that prove it."""
    return _rows(map(_entry, entries))


def dossier_view(dossier: Dossier) -> Group:
    """Return all that is known of one version, and whose signatures count here."""
    facts = bundle_facts(dossier.manifest)
    model = dossier.model
    published = f"by {model.publisher} on {isoformat(model.published)}, entry {model.entry} of the audit log"
    facts[""] = (*facts[""], ("published", published))
    parts = {
        "signatures, checked here": tuple(map(_signature, dossier.signatures)),
        "used as": tuple(map(_use, dossier.assignments)) or (("nothing", "no alias stands for it"),),
        "features in production": [("parity", parity_in_words(each)) for each in dossier.parity],
        "requests": tuple(_requests(dossier)) or (("none", "nobody asked for it to act"),),
    }
    return facts_view(facts | parts)


def _alias(assignment: pb.Assignment) -> str:
    share = f" {assignment.share_permille / 10:g} %" if assignment.alias == pb.ALIAS_CANARY else ""
    return alias_name(assignment.alias) + share


def _rows(rows: Iterable[tuple[str, Text]]) -> Table:
    """Return numbered texts, each folded beside its number."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for number, text in rows:
        grid.add_row(number, text)
    return grid


def _entry(entry: Entry) -> tuple[str, Text]:
    told = (act_in_words(entry), "\n" + reason_of(entry) if reason_of(entry) else "")
    proof = evidence_of(entry)
    text = Text.assemble(f"{moment_in_words(entry.at)} ", *told, (f"\n{proof}" if proof else "", "dim"))
    return str(entry.number), text


def _waiting(promotion: pb.Promotion) -> tuple[str, Text]:
    wish = f"{promotion.name} {promotion.version} as {alias_name(promotion.alias)}"
    where = share_in_words(promotion.share_permille)
    words = f"of {promotion.requester}: {wish} on {where}\n{printable(promotion.reason)}"
    return f"request {promotion.id}", Text(words)


def _signature(checked: Checked) -> tuple[str, str]:
    name = f"{checked.role} of {checked.alias}" if checked.alias else str(checked.role)
    if checked.signature is None:
        return name, checked.reason if checked.reason.startswith("not checked") else f"DOES NOT COUNT: {checked.reason}"
    return name, f"{checked.signature.signer}, key {checked.signature.key}"


def _use(assignment: pb.Assignment) -> tuple[str, str]:
    by = f", approved by {assignment.approver}" if assignment.approver else ""
    where = share_in_words(assignment.share_permille)
    return alias_name(assignment.alias), f"on {where} since {isoformat(assignment.since)}{by}, entry {assignment.entry}"


def _requests(dossier: Dossier) -> Facts:
    return [(str(promotion.id), _request(promotion)) for promotion in dossier.promotions]


def _request(promotion: pb.Promotion) -> str:
    wish = f"as {alias_name(promotion.alias)} on {share_in_words(promotion.share_permille)}"
    asked = f"{promotion.requester} on {isoformat(promotion.requested)}, {wish}: {printable(promotion.reason)}"
    if not promotion.decider:
        return f"{asked}\n{promotion.state}"
    reason = printable(promotion.decision_reason)
    return f"{asked}\n{promotion.state} by {promotion.decider} on {isoformat(promotion.decided)}: {reason}"
