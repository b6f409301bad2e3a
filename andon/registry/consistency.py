"""Whether what the registry has stored is what its audit log tells: each by its own entry, nothing more, nothing less.

The chain shows that the log was not changed; this shows that nobody changed the tables beside it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from andon.registry.alias import alias_name
from andon.registry.audit import Entry
from andon.registry.standing import Standing, details_of, standings
from andon.registry.v1 import registry_pb2 as pb

#: What an entry says of its own, beside details: fields of `Entry`.
_OWN = ("actor", "name", "version")


def contradictions(entries: Sequence[Entry], stored: pb.ListResponse) -> Iterator[str]:
    """Yield in plain words where the tables do not say what the log says; nothing when they do.

    Args:
        entries: the whole log.
        stored: versions, aliases and requests of all models, as they were at the log's end.
    """
    known = {entry.number: entry for entry in entries}
    for model in stored.models:
        yield from _differences(f"version {model.version} of {model.name}", known.get(model.entry), _told_of(model))
    for promotion in stored.promotions:
        yield from _differences(f"request {promotion.id}", known.get(promotion.entry), _told_of_request(promotion))
    yield from _undecided(entries, stored)
    yield from _unstored(entries, stored)
    yield from _aliases(entries, stored)


def _told_of(model: pb.ModelVersion) -> dict[str, Any]:
    return {
        "action": "published",
        "actor": model.publisher,
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "author": model.author,
        "go": model.go,
    }


def _told_of_request(promotion: pb.Promotion) -> dict[str, Any]:
    return {
        "action": "requested",
        "actor": promotion.requester,
        "name": promotion.name,
        "version": promotion.version,
        "alias": alias_name(promotion.alias),
        "share_permille": promotion.share_permille,
        "replaces": promotion.replaces,
        "reason": promotion.reason,
    }


def _differences(what: str, entry: Entry | None, wanted: Mapping[str, Any]) -> Iterator[str]:
    if entry is None:
        yield f"{what} is stored, but its entry of the log is missing"
        return
    told = {**details_of(entry), "action": entry.action, **{field: getattr(entry, field) for field in _OWN}}
    for field, value in wanted.items():
        if told.get(field) != value:
            yield f"{what}: {field} is stored as {value!r}, entry {entry.number} of the log says {told.get(field)!r}"


def _undecided(entries: Sequence[Entry], stored: pb.ListResponse) -> Iterator[str]:
    """Yield requests whose decision is not the log's."""
    decisions = {
        str(details_of(entry).get("request")): (entry.action, entry.actor)
        for entry in entries
        if entry.action in ("approved", "rejected")
    }
    for promotion in stored.promotions:
        said = decisions.get(str(promotion.id), ("pending", ""))
        if said != (promotion.state, promotion.decider):
            by = f" by {promotion.decider}" if promotion.decider else ""
            told = " by ".join(filter(None, said))
            yield f"request {promotion.id} is stored as {promotion.state}{by}, the log says {told}"


def _unstored(entries: Sequence[Entry], stored: pb.ListResponse) -> Iterator[str]:
    """Yield what the log tells of and is not there."""
    there = {model.entry for model in stored.models} | {promotion.entry for promotion in stored.promotions}
    for entry in entries:
        if entry.action in ("published", "requested") and entry.number not in there:
            what = "version" if entry.action == "published" else "request for"
            yield f"{what} {entry.version} of {entry.name} is not stored, entry {entry.number} of the log tells of it"


def _aliases(entries: Sequence[Entry], stored: pb.ListResponse) -> Iterator[str]:
    for name in sorted({entry.name for entry in entries} | {each.model.name for each in stored.assignments}):
        told = standings(entries, name)
        found = {alias_name(each.alias): each for each in stored.assignments if each.model.name == name}
        for alias in sorted(told.keys() | found.keys()):
            if (was := _stored(found.get(alias))) != (said := _said(told.get(alias))):
                yield f"{alias} of {name} is stored as {was}, the log says {said}"


def _stored(assignment: pb.Assignment | None) -> str:
    return _standing(assignment.model.version, assignment.share_permille, assignment.entry) if assignment else "nothing"


def _said(standing: Standing | None) -> str:
    return _standing(standing.version, standing.share_permille, standing.entry) if standing else "nothing"


def _standing(version: str, share: int, entry: int) -> str:
    return f"{version} on {share / 10:g} % by entry {entry}"
