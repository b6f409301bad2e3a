"""What the registry knows, as a person reads it in a terminal, however narrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from andon.clock import isoformat
from andon.registry.alias import alias_name
from andon.registry.audit import Entry
from andon.registry.dossier import Checked, Dossier
from andon.registry.v1 import registry_pb2 as pb
from andon.registry.wording import act_in_words, evidence_of, printable, reason_of, share_in_words
from andon.signing.view import Facts, bundle_facts, facts_view

_INDENT = (0, 0, 0, 4)


def models_view(listed: pb.ListResponse) -> Group:
    """Return versions, what they are used for, and what waits for a decision."""
    roles: dict[tuple[str, str], list[str]] = {}
    for each in listed.assignments:
        roles.setdefault((each.model.name, each.model.version), []).append(_alias(each))
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("model", "version", "used as", "verdict", "author", "published"):
        table.add_column(heading, overflow="fold")
    for model in listed.models:
        used = ", ".join(roles.get((model.name, model.version), ()))
        row = (model.name, model.version, used, verdict(model), model.author, isoformat(model.published))
        table.add_row(*map(Text, row))
    pending = [promotion for promotion in listed.promotions if promotion.state == "pending"]
    return Group(table, *(line for promotion in pending for line in _waiting(promotion)))


def verdict(model: pb.ModelVersion) -> str:
    """Return whether a version may act by its own verdict."""
    return "go" if model.go else "no go"


def entries_view(entries: Iterable[Entry]) -> Group:
    """Return entries of the audit log: what was done, why, and the keys and digests that prove it."""
    lines: list[RenderableType] = []
    for entry in entries:
        lines.append(Text.assemble((f"{entry.number:>3} ", "bold"), f"{isoformat(entry.at)} {act_in_words(entry)}"))
        for text, style in ((reason_of(entry), ""), (evidence_of(entry), "dim")):
            if text:
                lines.append(Padding(Text(text, style), _INDENT))
    return Group(*lines)


def dossier_view(dossier: Dossier) -> Group:
    """Return all that is known of one version, and whose signatures count here."""
    facts = bundle_facts(dossier.manifest)
    model = dossier.model
    published = f"by {model.publisher} on {isoformat(model.published)}, entry {model.entry} of the audit log"
    facts[""] = (*facts[""], ("published", published))
    parts = {
        "signatures, checked here": tuple(map(_signature, dossier.signatures)),
        "used as": tuple(map(_use, dossier.assignments)) or (("nothing", "no alias stands for it"),),
        "requests": tuple(_requests(dossier)) or (("none", "nobody asked for it to act"),),
    }
    return facts_view(facts | parts)


def _alias(assignment: pb.Assignment) -> str:
    share = f" {assignment.share_permille / 10:g} %" if assignment.alias == pb.ALIAS_CANARY else ""
    return alias_name(assignment.alias) + share


def _waiting(promotion: pb.Promotion) -> Iterator[RenderableType]:
    wish = f"{promotion.name} {promotion.version} as {alias_name(promotion.alias)}"
    where = share_in_words(promotion.share_permille)
    yield Text.assemble((f"request {promotion.id}", "bold"), f" of {promotion.requester}: {wish} on {where}")
    yield Padding(Text(printable(promotion.reason)), _INDENT)


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
    asked = f"{promotion.requester} on {isoformat(promotion.requested)}, {wish}: {promotion.reason}"
    decision = f"; {promotion.state}"
    if promotion.decider:
        decision += f" by {promotion.decider} on {isoformat(promotion.decided)}: {promotion.decision_reason}"
    return printable(asked + decision)
