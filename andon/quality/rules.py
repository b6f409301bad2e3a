"""Rules of an asset class that need the past, and how far they look back.

Every look back is bounded, so that a restarted worker that reads again the last few cells (`ClassRules.cell`) of
each asset gives every frame the marks that it would have got without the restart.
"""

from __future__ import annotations

from dataclasses import dataclass

from andon.clock import SECOND
from andon.plant import AssetClass, Tag

#: A tag's sample that is more than this many sampling intervals older says nothing on the rate of change.
_INTERVALS = 10
#: Cells before the current one that memory is made of.
CELLS_BACK = 4
#: Sources may be silent for this long beyond what a rule looks back, before their asset starts afresh.
_GRACE = 60 * SECOND


@dataclass(frozen=True, slots=True)
class TagRules:
    """The rules of one tag; times in microseconds.

    Attributes:
        tag: its name.
        max_rate: fastest possible change, units per second; None for no such rule.
        max_step: largest step that is no spike; None for no such rule.
        reach: a predecessor that is older by more than this does not count.
        deadband: changes up to this are no change.
        stuck_after: longest rest that is normal; None for no such rule.
        rest_reach: a longer gap between samples ends a rest.
    """

    tag: str
    max_rate: float | None
    max_step: float | None
    reach: int
    deadband: float
    stuck_after: int | None
    rest_reach: int

    @classmethod
    def of(cls, name: str, tag: Tag, scan: int) -> TagRules:
        """Derive the rules of a tag that is sampled every *scan* microseconds, unless it says otherwise."""
        reach = _INTERVALS * (round(SECOND / tag.rate_hz) if tag.rate_hz else scan)
        rest_reach = max(reach, tag.stuck_after or 0)
        return cls(name, tag.max_rate, tag.max_step, reach, tag.deadband, tag.stuck_after, rest_reach)


@dataclass(frozen=True, slots=True)
class ClassRules:
    """The rules of one asset class.

    Attributes:
        tags: tags that have such rules.
        cell: event time is cut into cells of this length, microseconds. Memory spans the current cell and the
            `CELLS_BACK` before it: enough for the longest rest and the gap that may precede it. Recursive rules begin
            anew in each cell.
        patience: after a silence longer than this, microseconds of ingest time, an asset starts afresh. Ingest clocks
            of one partition must agree within it.
    """

    tags: tuple[TagRules, ...]
    cell: int
    patience: int

    @classmethod
    def of(cls, asset_class: AssetClass) -> ClassRules:
        """Derive the rules of a class; `tags` is empty when it has none."""
        every = (TagRules.of(name, tag, asset_class.scan) for name, tag in asset_class.tags.items())
        tags = tuple(tag for tag in every if (tag.max_rate, tag.max_step, tag.stuck_after) != (None, None, None))
        spans = [-(-(tag.stuck_after + tag.rest_reach) // CELLS_BACK) for tag in tags if tag.stuck_after is not None]
        reaches = [tag.reach for tag in tags]
        longest = max((tag.rest_reach for tag in tags), default=0)
        return cls(tags, max(spans + reaches, default=SECOND), longest + _GRACE)

    @property
    def reach(self) -> int:
        """How far back in event time memory can reach from any frame, microseconds: whole cells."""
        return (CELLS_BACK + 1) * self.cell
