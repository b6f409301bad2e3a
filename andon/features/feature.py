"""What one number of a feature vector is: its name, the tags that it is made of, and its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class UnitRule(StrEnum):
    """How a feature's unit follows from those of its tags."""

    NONE = "none"
    """It has none: a share, a count, a coefficient."""
    SAME = "same"
    """Its tag's."""
    PER_SECOND = "per_second"
    """Its tag's per second."""
    SQUARED = "squared"
    """The square of its tag's."""
    QUOTIENT = "quotient"
    """Its first tag's divided by its second's."""
    SECONDS = "seconds"
    HERTZ = "hertz"


@dataclass(frozen=True, slots=True)
class Feature:
    """One element of a feature vector.

    Attributes:
        name: in the vector; begins with the first tag's name.
        tags: what it is made of, the main one first; none for what is made of context.
        statistic: what is computed of them, such as ``mean`` or ``correlation``.
        rule: how its unit follows from those of `tags`.
        about_data: whether it tells of the data rather than of the machine, so that no model should look at it.
    """

    name: str
    tags: tuple[str, ...]
    statistic: str
    rule: UnitRule = UnitRule.SAME
    about_data: bool = False

    @property
    def tag(self) -> str:
        """The main tag; for what is made of context, the name of what it tells of."""
        return self.tags[0] if self.tags else self.statistic

    def unit(self, units: Mapping[str, str | None]) -> str | None:
        """Return the unit, as pint reads it; None for none.

        Args:
            units: of each tag, None for a tag without one.
        """
        own = [units.get(tag) for tag in self.tags]
        match self.rule:
            case UnitRule.SAME:
                return own[0]
            case UnitRule.PER_SECOND:
                return "1/s" if own[0] in (None, "dimensionless") else f"{own[0]}/s"
            case UnitRule.SQUARED:
                return f"({own[0]})**2" if own[0] else None
            case UnitRule.QUOTIENT:
                return None if own[0] == own[1] else f"({own[0] or '1'})/({own[1] or '1'})"
            case UnitRule.SECONDS | UnitRule.HERTZ:
                return {UnitRule.SECONDS: "s", UnitRule.HERTZ: "Hz"}[self.rule]
            case UnitRule.NONE:
                return None
