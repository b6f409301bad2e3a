"""What a person does with an alert: a command in, the alert's state and what is to be told out. Pure."""

from __future__ import annotations

from andon.contracts import Acknowledgement, Action, AlertState, Feedback
from services.alert.lifecycle import SHELVED
from services.alert.state import Open
from services.alert.window import Change, ChangeKind

#: So many of the newest commands of an asset are remembered; those before them have long been dealt with.
REMEMBERED = 16

Obeyed = tuple[Open, Change | None]


def obey(state: Open, command: Feedback, shelf_limit: int) -> Obeyed:
    """Return the state after *command*, which must be about this alert, and what is to be told, if anything.

    A command that was dealt with changes nothing, however often it is heard: who acknowledged an alert has not
    acknowledged what became of it since.

    Args:
        state: the alert.
        command: what the person said.
        shelf_limit: longest time that an asset can be shelved for, microseconds.
    """
    if command.id in state.heard:
        return state, None
    state = state.model_copy(update={"heard": (*state.heard[1 - REMEMBERED :], command.id)})
    if command.action is Action.ACKNOWLEDGE:
        return _acknowledge(state, command)
    if command.action is Action.SHELVE and command.until is not None:
        return _shelve(state, min(command.until, command.time + shelf_limit))
    return state, None


def _acknowledge(state: Open, command: Feedback) -> Obeyed:
    if state.standing is not AlertState.OPEN:
        return state, None
    taken = Acknowledgement(author=command.author, time=command.time, note=command.note)
    state = state.model_copy(update={"acknowledged": taken})
    return state, Change(ChangeKind.ACKNOWLEDGED, state, -1)


def _shelve(state: Open, until: int) -> Obeyed:
    state = state.model_copy(update={"past": state.past.model_copy(update={"shelved_until": until})})
    if state.suppressed_by or until <= state.handled:
        return state, None
    state = state.model_copy(update={"suppressed_by": SHELVED, "acknowledged": None})
    return state, Change(ChangeKind.SUPPRESSED, state, -1)
