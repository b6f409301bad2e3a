"""What the registry tells, in sentences for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from andon.clock import isoformat, to_datetime
from andon.registry.audit import Entry
from andon.registry.standing import details_of

#: Action to sentence; where the details do not hold what a sentence says, it is said plainly.
_SENTENCES = {
    "published": "{actor} published {model}, signed by {author}",
    "published_again": "{actor} published {model} again, signed by {author}",
    "requested": "{actor} asked for {model} {as_alias}",
    "approved": "{actor} approved request {request} of {requester}: {model} {as_alias}",
    "rejected": "{actor} rejected request {request}: {model}",
    "rolled_back": "{actor} rolled back from {replaces} to {model}",
    "assigned": "{actor} made {model} the {alias}",
    "withdrawn": "{actor} ended the {alias} {model}",
    "refused": "{actor} was refused {model} {as_alias}: {refused}",
    "parity_broken": "{actor} reported {mismatches} of {checked} vectors of feature definition {definition} to differ",
}
#: Details that a sentence tells, or that are shown on a line of their own.
_SAID = frozenset(
    {"alias", "share_permille", "request", "requester", "replaces", "reason", "refused"}
    | {"definition", "checked", "mismatches"}
)


def share_in_words(permille: int) -> str:
    """Return a share of the assets, such as ``2.5 % of the assets``."""
    return "all assets" if permille == 1_000 else f"{permille / 10:g} % of the assets"


class Measured(Protocol):
    """What was reported of a feature definition: a message of the registry, or what it is made of."""

    @property
    def definition(self) -> str:
        """Its hash."""
        ...

    @property
    def checked(self) -> int:
        """Vectors that were computed again."""
        ...

    @property
    def mismatches(self) -> int:
        """Those that differ."""
        ...

    @property
    def since(self) -> int:
        """What was reported before this (microseconds UTC) is forgotten."""
        ...


def parity_in_words(parity: Measured) -> str:
    """Return what is known of the parity of a feature definition; that nothing is, too."""
    features, since = f"feature definition {parity.definition}", f"{to_datetime(parity.since):%Y-%m-%d %H:%M} UTC"
    if not parity.checked:
        return f"parity of {features} is unknown: nothing was reported since {since}"
    differ = f"{parity.mismatches:,}" if parity.mismatches else "none"
    return f"{differ} of {parity.checked:,} vectors of {features} differ from the offline path since {since}"


def moment_in_words(at: int) -> str:
    """Return when an entry says that it was (ISO 8601); the number itself where that is no time."""
    try:
        return isoformat(at)
    except (ValueError, OverflowError, OSError):  # somebody changed it, which the entry's hash tells
        return str(at)


def act_in_words(entry: Entry) -> str:
    """Return what an entry tells, without its reason: ``boris approved request 1 of anna: pump 1f2e3d4c5b6a ...``."""
    details = details_of(entry)
    model = f"{entry.name} {entry.version}"
    plain = f"{entry.actor} {entry.action} {model}"
    known = {**details, "actor": entry.actor, "model": model, "as_alias": _as_alias(details)}
    try:
        return printable(_SENTENCES[entry.action].format_map(known))
    except KeyError:  # an action of a newer registry, or details that somebody changed
        return printable(plain)


def reason_of(entry: Entry) -> str:
    """Return why somebody did it; empty when no reason was given."""
    return printable(str(details_of(entry).get("reason", "")))


def evidence_of(entry: Entry) -> str:
    """Return the details that no sentence tells, such as keys and digests."""
    details = details_of(entry)
    return printable(", ".join(f"{name} {_plain(details[name])}" for name in details if name not in _SAID))


def printable(text: str) -> str:
    r"""Return a text with what would steer a terminal written out, such as ``\x1b``; line breaks become spaces."""
    return "".join(each if each.isprintable() else _written_out(each) for each in text)


def _written_out(character: str) -> str:
    return " " if character in "\n\r\t" else repr(character)[1:-1]


def _as_alias(details: Mapping[str, Any]) -> str:
    share = details.get("share_permille")
    where = f" on {share_in_words(share)}" if isinstance(share, int) else ""
    instead = f", in place of {details['replaces']}" if details.get("replaces") else ""
    return f"as {details.get('alias')}{where}{instead}"


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
