"""What each alias of a model stood for at a moment, told from the audit log alone. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from andon.registry.audit import Entry

_WHOLE = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What an alias stands for.

    Attributes:
        version: of the model.
        share_permille: of the assets; 1000 but for a canary.
        since: when that began, microseconds UTC.
        entry: number of the entry that tells of it.
        actor: who did it.
    """

    version: str
    share_permille: int
    since: int
    entry: int
    actor: str


Standings = dict[str, Standing]
"""Alias to what it stands for."""


def details_of(entry: Entry) -> Mapping[str, Any]:
    """Return an entry's details; none where somebody made them unreadable, which the entry's hash tells."""
    try:
        details = json.loads(entry.details)
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}


def standings(entries: Iterable[Entry], name: str, until: int | None = None) -> Standings:
    """Return what the aliases of model *name* stood for.

    Args:
        entries: the audit log, in order; may hold entries of other models.
        name: the model.
        until: the moment, microseconds UTC; None for the log's end.
    """
    held: Standings = {}
    for entry in entries:
        if entry.name == name and (until is None or entry.at <= until) and entry.action in _EFFECTS:
            details = details_of(entry)
            now = Standing(entry.version, _share(details), entry.at, entry.number, entry.actor)
            _EFFECTS[entry.action](held, str(details.get("alias")), now)
    return held


def _share(details: Mapping[str, Any]) -> int:
    share = details.get("share_permille")
    return share if isinstance(share, int) else _WHOLE


def _publish(held: Standings, _: str, now: Standing) -> None:
    held["candidate"] = now


def _give(held: Standings, alias: str, now: Standing) -> None:
    held[alias] = now


def _end(held: Standings, alias: str, _: Standing) -> None:
    held.pop(alias, None)


def _act(held: Standings, alias: str, now: Standing) -> None:
    """Let a version act; what production was becomes previous, and a canary that acts everywhere is none any more."""
    former = held.get(alias)
    held[alias] = now
    if alias != "production":
        return
    if former:
        held["previous"] = Standing(former.version, former.share_permille, now.since, now.entry, now.actor)
    if "canary" in held and held["canary"].version == now.version:
        del held["canary"]


_EFFECTS: Mapping[str, Callable[[Standings, str, Standing], None]] = {
    "published": _publish,
    "approved": _act,
    "rolled_back": _act,
    "assigned": _give,
    "withdrawn": _end,
}
