"""What the alert stage keeps of the lanes of one partition: states, and the event told last of each alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.alert.state import Open, Quiet, State, dump_state, load_state

#: An event that was told, with its lineage.
Row = dict[str, Any]
#: Behind a lane, the key of the event told last. It has a key of its own because it is large and seldom changes, where
#: the state of an open alert changes with every window.
_SAID = "@said"
_QUIET = Quiet()


@dataclass(slots=True)
class Draft:
    """What a batch changes; forgotten if it fails half-way.

    Attributes:
        ledger: what was before.
        states: lanes whose state is another.
        said: the event told last of lanes that told one; None when the alert is over.
    """

    ledger: Ledger
    states: dict[str, State] = field(default_factory=dict)
    said: dict[str, Row | None] = field(default_factory=dict)

    def state(self, lane: str) -> State:
        """Return the state of a lane; what was never anomalous has none, and is quiet."""
        return self.states.get(lane) or self.ledger.states.get(lane, _QUIET)

    def last_said(self, lane: str) -> Row | None:
        """Return the event told last of a lane's alert; None when it has none."""
        return self.said[lane] if lane in self.said else self.ledger.said.get(lane)

    def become(self, lane: str, state: State, told: Row | None = None) -> None:
        """Let a lane have another state, after *told* if it was worth telling."""
        if state != self.state(lane):
            self.states[lane] = state
        if told is not None:
            self.said[lane] = told if isinstance(state, Open) else None


class Ledger:
    """States and events by lane.

    Args:
        kept: what a former worker kept (`commit`).
    """

    def __init__(self, kept: Mapping[str, Any]) -> None:
        present = {key: value for key, value in kept.items() if value is not None}
        self.states = {key: load_state(value) for key, value in present.items() if not key.endswith(_SAID)}
        self.said: dict[str, Row] = {
            key.removesuffix(_SAID): value for key, value in present.items() if key.endswith(_SAID)
        }

    def not_quiet(self) -> list[str]:
        """Return the lanes that are alerting, or may soon be."""
        return [lane for lane, state in self.states.items() if not isinstance(state, Quiet)]

    def open(self) -> Iterator[tuple[str, Open]]:
        """Yield the lanes whose alert is not over."""
        for lane, state in self.states.items():
            if isinstance(state, Open):
                yield lane, state

    def commit(self, draft: Draft) -> dict[str, Any]:
        """Make a draft true and return what is to be kept; events go first, so that no state is kept without one."""
        self.states |= draft.states
        for lane, told in draft.said.items():
            if told is None:
                self.said.pop(lane, None)
            else:
                self.said[lane] = told
        events = {f"{lane}{_SAID}": told for lane, told in draft.said.items()}
        return events | {lane: dump_state(state) for lane, state in draft.states.items()}
