"""A fact: what one plant event says, as far as frames are joined with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from andon.contracts import MachineState, PlantEvent

#: End of what lasts.
FOREVER = 2**62
#: Names that a machine's state may have.
STATES = frozenset(state.value for state in MachineState)


class Kind(StrEnum):
    """Kinds of facts that frames are joined with."""

    ORDER = "order"
    BATCH = "batch"
    SHIFT = "shift"
    MAINTENANCE = "maintenance"
    MACHINE_STATE = "machine_state"


_KINDS = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is so at a place for a time.

    Attributes:
        id: names it through its corrections.
        revision: highest counts.
        place: ISA-95 path of an asset or of a level above it; empty for the site.
        name: of the order, batch, shift ...
        start: microseconds UTC.
        end: exclusive; None while it lasts, which is until the next of its kind starts at its place.
        product: that an order or batch makes.
        recipe: that it follows.
        told: when it was told, microseconds UTC; of equal revisions the one told last counts.
    """

    id: str
    revision: int
    kind: Kind
    place: str
    name: str
    start: int
    end: int | None
    product: str | None = None
    recipe: str | None = None
    told: int = field(default=0, compare=False)

    def supersedes(self, other: Fact) -> bool:
        """Return whether this counts instead of another of the same id."""
        return (self.revision, self.told) >= (other.revision, other.told)


def fact_of(event: PlantEvent, told: int = 0) -> Fact | None:
    """Return what an event says; None when frames are not joined with its kind, or when it cannot be used."""
    if event.kind not in _KINDS or fault_of(event):
        return None
    product, recipe = event.attributes.get("product"), event.attributes.get("recipe")
    place = event.asset or ""
    kind = Kind(event.kind)
    return Fact(event.id, event.revision, kind, place, event.name, event.time, event.end, product, recipe, told)


def fault_of(event: PlantEvent) -> str | None:
    """Return why an event cannot be used, and what to do; None when it can."""
    if event.kind == "machine_state" and event.name not in STATES:
        known = ", ".join(MachineState)
        return f"{event.name!r} is no machine state (map it to one of {known})"
    return None
