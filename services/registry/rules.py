"""What may act, and who may let it: the rules of promotion, as pure functions over what is known."""

from __future__ import annotations

from dataclasses import dataclass

from andon.clock import SECOND

#: Aliases that act on machines: only a request, an approval and two signatures lead there.
ACTING = ("production", "canary")
#: Aliases that anybody who makes models may give: they never act.
SILENT = ("shadow",)
WHOLE = 1_000
#: How far the clock of whoever signs may be off.
CLOCK_TOLERANCE = 300 * SECOND
_LONGEST_REASON = 2_000


class RefusedError(Exception):
    """A rule forbids it; the message says which, and what to do."""


class OutrunError(RefusedError):
    """Somebody else changed what it builds on; look again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to let a version act.

    Attributes:
        version: what shall act.
        alias: as what.
        share_permille: on which share of the assets; 1000 for production.
        replaces: version that held the alias when it was asked for; empty for none.
        requester: who asked.
        state: `pending`, `approved` or `rejected`.
    """

    version: str
    alias: str
    share_permille: int
    replaces: str
    requester: str
    state: str = "pending"


def check_reason(reason: str) -> None:
    """Refuse an empty reason, a very long one, or one with control characters: an auditor will read it.

    Raises:
        RefusedError: says so.
    """
    if not reason.strip():
        raise RefusedError("give a reason: an auditor will ask for it")
    if len(reason) > _LONGEST_REASON:
        raise RefusedError(f"the reason has {len(reason)} characters, at most {_LONGEST_REASON} are kept")
    if strange := [each for each in reason if not each.isprintable() and each not in "\n\t"]:
        raise RefusedError(f"the reason holds {strange[0]!r}: write plain text")


def check_request(wish: Wish, *, go: bool) -> None:
    """Refuse what can never be approved.

    Args:
        wish: what is asked for.
        go: the verdict in the version's bundle.

    Raises:
        RefusedError: says why.
    """
    if wish.alias not in ACTING:
        raise RefusedError(f"only {' and '.join(ACTING)} are asked for; `andon registry shadow` needs no approval")
    whole = wish.alias == "production"
    if whole and wish.share_permille != WHOLE:
        raise RefusedError("production acts on all assets: leave the share out, or ask for canary")
    if not whole and not 1 <= wish.share_permille < WHOLE:
        raise RefusedError(f"a canary's share is {wish.share_permille} permille: must be 1 to {WHOLE - 1}")
    if not go:
        raise RefusedError(
            f"the verdict in the bundle of version {wish.version} is no go, or there is none: evaluate and train again"
        )
    if wish.replaces == wish.version and whole:
        raise RefusedError(f"version {wish.version} is {wish.alias} already")


def check_decision(wish: Wish, decider: str) -> None:
    """Refuse to decide twice, or over one's own request (four eyes).

    Raises:
        RefusedError: says why.
    """
    if wish.state != "pending":
        raise RefusedError(f"the request is {wish.state} already")
    if decider == wish.requester:
        raise RefusedError(f"{decider} asked for it, so somebody else must decide (four eyes)")


def check_ground(wish: Wish, holder: str) -> None:
    """Refuse to approve what was asked for in another situation.

    Args:
        wish: the request.
        holder: version that holds the alias now; empty for none.

    Raises:
        OutrunError: it changed since the request.
    """
    if wish.replaces != holder:
        was, now = wish.replaces or "nothing", holder or "nothing"
        raise OutrunError(f"{wish.alias} was {was} when this was asked for and is {now} now: ask again")


def check_serial(serial: int, last: int, now: int) -> None:
    """Refuse an approval that is not newer than the last one, or not of now: it may be replayed.

    Args:
        serial: when the approver says that they signed, microseconds UTC.
        last: the newest serial of this model so far.
        now: the registry's clock.

    Raises:
        RefusedError: says why.
    """
    if abs(serial - now) > CLOCK_TOLERANCE:
        minutes = (serial - now) / (60 * SECOND)
        raise RefusedError(f"the signature's clock is {minutes:+.0f} min off: set the approver's clock and sign again")
    if serial <= last:
        raise RefusedError("the signature is not newer than the approval before it: sign again")
