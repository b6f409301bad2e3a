"""What selection rules result in: claims of variables to be tags of machines, and findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from asyncua import ua

from services.ingest.opcua.selection_config import ItemSettings


@dataclass(frozen=True, slots=True)
class Finding:
    """What a person should correct in the rules, in the plant model or at the server.

    Attributes:
        place: the rule, such as ``types[0]``, or file and line.
        text: what is wrong, and what to do.
    """

    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A rule says that a variable is a tag of a machine; whether the plant model has both is another matter.

    Attributes:
        place: the rule.
        node: the variable's NodeId, for this connection only.
        address: its NodeId with the namespace's URI.
        asset: the machine.
        tag: the tag.
        settings: how to watch it.
    """

    place: str
    node: ua.NodeId
    address: str
    asset: str
    tag: str
    settings: ItemSettings


@dataclass(slots=True)
class Draft:
    """What rules came to so far."""

    claims: list[Claim] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def __iadd__(self, other: Draft) -> Self:
        self.claims += other.claims
        self.findings += other.findings
        return self


#: How many names a finding lists.
_NAMED = 5


def some_of(names: list[str]) -> str:
    """Return the first of the names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
