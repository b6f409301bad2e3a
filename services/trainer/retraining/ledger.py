"""What the `model` topic says of requests: which wait for an answer, and what came of the others. Pure.

The topic is the queue: it is read whole at each start, so nothing of this needs to be kept elsewhere.
"""

from __future__ import annotations

from andon.contracts import ModelEvent
from services.trainer.retraining.requests import REQUESTED, part_of

_OUTCOMES = ("retrain_refused", "retrain_failed", "retrained")
#: Outcomes of a training that was done; the cool-down runs from there.
_TRAINED = ("retrain_failed", "retrained")


class Ledger:
    """All requests that were told of."""

    def __init__(self) -> None:
        self._requests: dict[str, ModelEvent] = {}
        self._outcomes: dict[str, ModelEvent] = {}
        self._by_evidence: dict[str, str] = {}
        self._published: dict[str, int] = {}

    def take(self, event: ModelEvent) -> None:
        """Take an event of the topic, perhaps once more."""
        if event.action == "published":
            self._published[event.name] = max(event.time, self._published.get(event.name, 0))
        elif event.retrain is not None and event.action == REQUESTED:
            self._requests.setdefault(event.id, event)
            if event.retrain.evidence:
                self._by_evidence[event.retrain.evidence] = event.id
        elif event.retrain is not None and event.action in _OUTCOMES:
            self._outcomes.setdefault(event.retrain.request, event)

    @property
    def waiting(self) -> list[ModelEvent]:
        """Requests without an outcome, in the order in which they were made."""
        waiting = [event for name, event in self._requests.items() if name not in self._outcomes]
        return sorted(waiting, key=lambda event: (event.time, event.id))

    def knows(self, request: str) -> bool:
        """Return whether a request of this id was made."""
        return request in self._requests

    def outcome(self, request: str) -> ModelEvent | None:
        """Return what came of a request; None while it waits."""
        return self._outcomes.get(request)

    def answer_to(self, evidence: str) -> ModelEvent | None:
        """Return what came of the newest request that rests on a drift report; None while it waits, or for none."""
        request = self._by_evidence.get(evidence)
        return None if request is None else self._outcomes.get(request)

    def trained_at(self, name: str) -> int | None:
        """Return when the class's newest training ended, well or not, microseconds UTC; None before the first."""
        newest = self._newest(name)
        return None if newest is None else newest.time

    def seconds(self, name: str) -> float | None:
        """Return how long the class's newest training took, s."""
        newest = self._newest(name)
        return None if newest is None else part_of(newest).seconds

    def candidate_since(self, name: str, moment: int) -> bool:
        """Return whether a request for the class has led to a candidate at *moment* or later."""
        made = (event for event in self._outcomes.values() if event.name == name and event.action == "retrained")
        return any(event.time >= moment for event in made)

    def last_model(self, name: str) -> int | None:
        """Return when a model of the class was made, or last tried to, microseconds UTC; None before the first."""
        done = [event.time for event in self._outcomes.values() if event.name == name]
        if name in self._published:
            done.append(self._published[name])
        return max(done, default=None)

    def _newest(self, name: str) -> ModelEvent | None:
        found = (event for event in self._outcomes.values() if event.name == name and event.action in _TRAINED)
        return max(found, key=lambda event: event.time, default=None)
