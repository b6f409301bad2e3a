"""What a rehearsal finds, as values; see `andon.rehearsal.compare`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from andon.contracts import DeadLetterReason, Quality

#: What a sample is under one of the models: good (None), marked, or not there, as the class has no such tag.
ABSENT = "absent"
State = Quality | str | None


@dataclass(slots=True)
class TagChange:
    """What changes of one tag's samples.

    Attributes:
        samples: how many were compared.
        marks: (what a sample is now, what it would be) to how many samples, where these differ.
        converted: samples whose value would be another, as the unit conversion is.
        units: the unit now and then, where they differ or values do.
        violated: alarm limit to the good samples that would newly lie outside it.
        obeyed: alarm limit to the good samples that would no longer lie outside it.
    """

    samples: int = 0
    marks: Counter[tuple[State, State]] = field(default_factory=Counter)
    converted: int = 0
    units: tuple[str | None, str | None] | None = None
    violated: Counter[str] = field(default_factory=Counter)
    obeyed: Counter[str] = field(default_factory=Counter)

    @property
    def differs(self) -> bool:
        """Whether anything changes."""
        return bool(self.marks or self.converted or self.units or self.violated or self.obeyed)


@dataclass(slots=True)
class Report:
    """What would change.

    Attributes:
        frames: how many were read.
        tags: (class, tag) to what changes, for every tag that was compared.
        new: assets that only the changed model has.
        gone: assets that only the current model has.
        gained: (asset, reason) to the frames that only the changed model takes; why the current one does not.
        lost: (asset, reason) to the frames that only the current model takes; why the changed one would not.
    """

    new: list[str]
    gone: list[str]
    frames: int = 0
    tags: dict[tuple[str, str], TagChange] = field(default_factory=dict)
    gained: Counter[tuple[str, DeadLetterReason]] = field(default_factory=Counter)
    lost: Counter[tuple[str, DeadLetterReason]] = field(default_factory=Counter)

    @property
    def changes(self) -> dict[tuple[str, str], TagChange]:
        """(class, tag) to what changes, for the tags of which something does."""
        return {name: tag for name, tag in self.tags.items() if tag.differs}

    @property
    def differs(self) -> bool:
        """Whether anything would change."""
        return bool(self.new or self.gone or self.gained or self.lost or self.changes)
