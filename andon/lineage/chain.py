"""What a lineage is made of: links of one record each, and the places on the bus that they name. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from andon.contracts.headers import LINEAGE_HEADER, TRACEPARENT_HEADER
from andon.errors import ConfigError
from andon.uns import Stage

_ID = re.compile(r"(?P<asset>[^@]+)@(?P<time>[0-9]{1,16}):(?P<stage>[a-z]+)(?:@backfill)?(?::(?P<version>.+))?")
_LINEAGE = re.compile(r"(?P<topic>[^/]+)/(?P<partition>[0-9]{1,10})@(?P<first>[0-9]{1,19})-(?P<last>[0-9]{1,19})")
#: Stages that can be asked about.
ASKABLE = (Stage.ALERT, Stage.INFERENCE, Stage.FEATURE)


@dataclass(frozen=True, slots=True)
class EventName:
    """An event's id, or an alert's name, taken apart."""

    asset: str
    time: int
    stage: Stage
    version: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of a partition: offsets *first* to *last*, both included."""

    topic: str
    partition: int
    first: int
    last: int

    def __str__(self) -> str:
        offsets = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.topic}/{self.partition}@{offsets}"


@dataclass(frozen=True, slots=True)
class Link:
    """One record of the chain.

    Attributes:
        place: where it lies.
        event: its value.
        headers: its headers.
        written: when it was written to the bus, microseconds UTC; of a replay this is later than its event's time.
    """

    place: Place
    event: Mapping[str, Any]
    headers: Mapping[str, bytes | None]
    written: int

    @property
    def made_of(self) -> Place | None:
        """Where its input lies; None where Andon's data begins."""
        return parse_lineage((self.headers.get(LINEAGE_HEADER) or b"").decode(errors="replace"))

    @property
    def trace(self) -> str | None:
        """The trace id, for the tracing system."""
        parts = (self.headers.get(TRACEPARENT_HEADER) or b"").decode(errors="replace").split("-")
        return parts[1] if len(parts) == 4 else None


@dataclass(frozen=True, slots=True)
class Chain:
    """A decision and all that it was made of; what retention has removed is named in `gaps`.

    Attributes:
        alert: the change of an alert, if one was asked about.
        inference: the verdict behind it.
        feature: the window that was judged.
        context: the frames in that window, in the order of their offsets.
        raw: the frames as measured, in the order of their offsets.
        gaps: what could not be found, a sentence each.
    """

    alert: Link | None = None
    inference: Link | None = None
    feature: Link | None = None
    context: Sequence[Link] = ()
    raw: Sequence[Link] = ()
    gaps: list[str] = field(default_factory=list)


def parse_id(text: str) -> EventName:
    """Take an event's id, or the name of an alert, apart.

    Raises:
        ConfigError: it is neither, or of a stage that is no decision.
    """
    found = _ID.fullmatch(text)
    stage = found["stage"] if found else ""
    if not found or stage not in ASKABLE:
        wanted = ", ".join(ASKABLE)
        raise ConfigError(
            f"{text!r} is no id of a decision: write '<asset>@<time>:<stage>:<version>' of stage {wanted}, "
            "or an alert's name, as alerts and the dead letters show them"
        )
    return EventName(found["asset"], int(found["time"]), Stage(stage), found["version"])


def parse_lineage(header: str) -> Place | None:
    """Return the input that a lineage header names; None for another text."""
    found = _LINEAGE.fullmatch(header)
    return Place(found["topic"], int(found["partition"]), int(found["first"]), int(found["last"])) if found else None
