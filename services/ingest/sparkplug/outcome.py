"""What goes into the Sparkplug host and what comes out of it: values only."""

from __future__ import annotations

from dataclasses import dataclass, field

from andon.contracts import DeadLetterReason
from andon.sparkplug.v1.payload_pb2 import Payload
from andon.uns import SparkplugTopic
from services.ingest.readings import Readings, Refusal


@dataclass(frozen=True, slots=True)
class Message:
    """A message of an edge node or device as it arrived.

    Attributes:
        topic: parsed.
        payload: parsed.
        body: the payload's bytes, for dead letters.
        received: when it came, microseconds UTC.
    """

    topic: SparkplugTopic
    payload: Payload
    body: bytes
    received: int


@dataclass(slots=True)
class Outcome:
    """What follows from a message, or from time passing; to be carried out in the order of the attributes.

    Attributes:
        expected: signals that were just born: values of them are to come.
        readings: values, in order.
        refusals: what could not be used.
        rebirths: topics of NCMD at which to ask for a rebirth.
        state_denied: whether the broker has said, for a connection that is gone, that this host is offline.
        unmapped: number of values passed over because no tag of the plant model fits.
        gaps: number of times that the order of an edge node's messages was lost.
    """

    expected: list[int] = field(default_factory=list)
    readings: list[Readings] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    rebirths: list[str] = field(default_factory=list)
    state_denied: bool = False
    unmapped: int = 0
    gaps: int = 0

    def refuse(self, message: Message, reason: DeadLetterReason, detail: str, asset: str | None = None) -> None:
        """Add a refusal of *message*."""
        self.refusals.append(Refusal(str(message.topic), reason, detail, message.body, asset))
