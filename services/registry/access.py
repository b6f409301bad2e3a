"""Who may do what: identities with roles, from a file; whoever is not in it may do nothing."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from andon.connection import Group, Text
from andon.plant.document import load_document
from andon.secrets import FileBeside

_MINIMUM = 1


class Role(StrEnum):
    """What somebody is to the registry."""

    VIEWER = "viewer"
    """Looks: lists, bundles, audit log."""
    AUTHOR = "author"
    """Makes models: publishes, asks for promotion, lets them run as shadow."""
    APPROVER = "approver"
    """Decides: approves, rejects, rolls back, ends shadow and canary."""
    SERVICE = "service"
    """Serves models: resolves, watches and fetches."""
    MONITOR = "monitor"
    """Measures: reports the parity of features, and sees nothing."""


_EVERYBODY = frozenset(Role) - {Role.MONITOR}
_PEOPLE = frozenset({Role.VIEWER, Role.AUTHOR, Role.APPROVER})
_MAKERS, _DECIDERS = frozenset({Role.AUTHOR}), frozenset({Role.APPROVER})

#: Call to the roles that may make it. What is not named here is for nobody.
ALLOWED: dict[str, frozenset[Role]] = {
    "Publish": _MAKERS,
    "Fetch": _EVERYBODY,
    "Resolve": _EVERYBODY,
    "Watch": _EVERYBODY,
    "List": _EVERYBODY,
    "RequestPromotion": _MAKERS,
    "Approve": _DECIDERS,
    "Reject": _DECIDERS,
    "RollBack": _DECIDERS,
    "Assign": _MAKERS | _DECIDERS,
    "ReportParity": frozenset({Role.MONITOR}),
    "Audit": _PEOPLE,
    "ServerReflectionInfo": _EVERYBODY,
}


class Holder(Group):
    """Somebody, or some service."""

    name: Text
    """As in the client certificate (common name or alternative name), or in the token's `sub`."""
    roles: frozenset[Role] = Field(min_length=_MINIMUM)
    """What they may do."""


class TokenKey(Group):
    """A key that signs tokens (JWT, ES256)."""

    name: Text
    """The issuer: `iss` of its tokens."""
    file: FileBeside
    """Its public key (PEM)."""


class Access(Group):
    """The access file."""

    identities: tuple[Holder, ...] = Field(min_length=_MINIMUM)
    """Who may do anything at all."""
    token_keys: tuple[TokenKey, ...] = ()
    """Whose tokens count; none: only certificates do."""

    def roles_of(self, name: str) -> frozenset[Role]:
        """Return the roles of *name*; none of somebody who is not in the file."""
        return frozenset(role for holder in self.identities if holder.name == name for role in holder.roles)


def load_access(path: Path) -> Access:
    """Read the access file.

    Raises:
        ConfigError: lists every finding with its line.
    """
    return load_document(path, Access, hint="set ANDON_REGISTRY__ACCESS")


def may(roles: frozenset[Role], call: str) -> bool:
    """Return whether somebody with *roles* may make *call*, a method's name."""
    return bool(roles & ALLOWED.get(call, frozenset()))
