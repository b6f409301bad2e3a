"""What people have said about alerts, until the processor of their partition takes it."""

from __future__ import annotations

from andon.contracts import Action, Feedback
from services.alert.commands import REMEMBERED
from services.alert.lane import lane_of


class Inbox:
    """The newest commands about each lane; shared by all partitions of a worker.

    Told by one thread and asked by another: what a lane has is replaced whole. Nothing is taken out, because an alert
    that opens again after a crash, under the same name, must hear again what was said about it.
    """

    def __init__(self) -> None:
        self._commands: dict[str, tuple[Feedback, ...]] = {}

    def tell(self, feedback: Feedback) -> None:
        """Take what a person said, unless it is a verdict, which changes no alert."""
        if feedback.action is not Action.VERDICT:
            lane = lane_of(feedback.alert)
            self._commands[lane] = (*self._commands.get(lane, ())[1 - REMEMBERED :], feedback)

    def about(self, lane: str) -> tuple[Feedback, ...]:
        """Return the newest commands about a lane's alerts, in the order in which they were told."""
        return self._commands.get(lane, ())
