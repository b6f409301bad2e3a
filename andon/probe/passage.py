"""How far a frame has come: which stages have sent what was made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from andon.contracts import CATALOGUE, ContextFrame, DeadLetter, FeatureVector, Frame, Inference
from andon.stream.deadletters import original_key, original_value
from andon.uns import Stage

#: The stages that a frame passes, in order.
WAY = (Stage.CONTEXT, Stage.FEATURE, Stage.INFERENCE)
#: What is read to see a frame pass.
WATCHED = (*WAY, Stage.DEADLETTER)


@dataclass
class Passage:
    """What has been seen of a frame.

    Attributes:
        frame: the frame.
        verdict: the inference on its window, once there is one.
        letter: the dead letter that it became, if it did.
        seen: stage to the time of its event's record, microseconds UTC.
    """

    frame: Frame
    verdict: Inference | None = None
    letter: DeadLetter | None = None
    seen: dict[Stage, int] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.verdict is not None or self.letter is not None

    @property
    def missing(self) -> Stage:
        """The first stage that has sent nothing of the frame."""
        return next((stage for stage in WAY if stage not in self.seen), WAY[-1])

    def take(self, stage: Stage, key: bytes | None, value: bytes | None, now: int) -> None:
        """Take a record of a watched stage; one of another frame, or that breaks its contract, changes nothing."""
        if value is None or (stage is not Stage.DEADLETTER and key != self.frame.asset.encode()):
            return
        try:
            event = CATALOGUE[stage].event.model_validate_json(value)
        except ValidationError:
            return
        if self._concerns(event):
            self.seen.setdefault(stage, now)
            self._note(event)

    def _concerns(self, event: BaseModel) -> bool:
        if isinstance(event, DeadLetter):
            ours = original_key(event) == self.frame.asset.encode()
            return ours and self.frame.id.encode() in (original_value(event) or b"")
        if isinstance(event, ContextFrame):
            return event.time == self.frame.time
        if isinstance(event, FeatureVector | Inference):
            return event.start <= self.frame.time < event.time
        return False

    def _note(self, event: BaseModel) -> None:
        if isinstance(event, Inference) and event.role != "shadow":
            self.verdict = event
        elif isinstance(event, DeadLetter):
            self.letter = event
