"""The plant model's alarm limits, checked on windows: they keep watch when no model can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.features import Aggregate
from andon.plant import AssetClass
from services.inference.scatter import empty_lists, scatter_lists
from services.inference.windows import Float64, Mask, Windows

#: Element of the column `limit_violations`: `andon.contracts.LimitViolation`, one field a column.
VIOLATION = pl.Struct({"tag": pl.String, "bound": pl.String, "limit": pl.Float64, "value": pl.Float64})


@dataclass(frozen=True, slots=True)
class _Side:
    """The limits of one tag on one side, the critical one first."""

    tag: str
    extreme: Aggregate
    bounds: tuple[tuple[str, float], ...]

    def feature(self, asset_class: AssetClass) -> int | None:
        """Return the number of the feature to hold against the limits: the extreme on their side, else the mean."""
        names = asset_class.feature_definition.feature_names
        wanted = (f"{self.tag}_{self.extreme}", f"{self.tag}_{Aggregate.MEAN}")
        return next((names.index(name) for name in wanted if name in names), None)

    def is_broken(self, value: Float64) -> Mask:
        """Return whether a value lies outside any of the limits; NaN does not."""
        limits = [limit for _, limit in self.bounds]
        broken: Mask = value < max(limits) if self.extreme is Aggregate.MIN else value > min(limits)
        return broken

    def violation(self, value: pl.Expr) -> pl.Expr:
        """Return the worst broken limit as `VIOLATION`, or null."""
        worst = pl.lit(None, dtype=VIOLATION)
        for bound, limit in reversed(self.bounds):
            found = pl.struct(tag=pl.lit(self.tag), bound=pl.lit(bound), limit=pl.lit(float(limit)), value=value)
            is_outside = value < limit if self.extreme is Aggregate.MIN else value > limit
            worst = pl.when(is_outside).then(found).otherwise(worst)
        return worst


class LimitWatch:
    """Checks the windows of one asset class against its tags' limits.

    A window's minimum is compared with the low limits and its maximum with the high ones, or its mean
    with both where the feature definition has no extremes.

    Attributes:
        watched: tags whose limits keep watch.
        unwatched: tags with limits, but without a feature to hold against them; a person must be told.
    """

    def __init__(self, asset_class: AssetClass) -> None:
        sides = [(side, side.feature(asset_class)) for side in _sides(asset_class)]
        self._sides = [(side, feature) for side, feature in sides if feature is not None]
        self.watched = tuple(dict.fromkeys(side.tag for side, _ in self._sides))
        self.unwatched = tuple(dict.fromkeys(side.tag for side, feature in sides if feature is None))
        names = asset_class.feature_definition.feature_names
        self._violations = [side.violation(pl.col(names[feature])) for side, feature in self._sides]

    @property
    def in_words(self) -> str:
        """What is left where no model judges."""
        watch = f"the limits of {', '.join(self.watched)} keep watch" if self.watched else "no limit keeps watch either"
        blind = f"; no feature can be held against those of {', '.join(self.unwatched)}" if self.unwatched else ""
        return watch + blind

    def check(self, windows: Windows) -> pl.Series:
        """Return for each window its broken limits, the worst of each tag and side, as a list of `VIOLATION`."""
        broken = np.zeros(windows.height, np.bool_)
        for side, feature in self._sides:
            broken |= side.is_broken(windows.values[:, feature])
        if not broken.any():
            return no_violations(windows.height)
        found = windows.features.filter(pl.Series(broken)).select(
            pl.concat_list(self._violations).list.drop_nulls().alias("limit_violations")
        )
        return scatter_lists(found.to_series(), broken)


def no_violations(count: int) -> pl.Series:
    """Return the column `limit_violations` of windows that break none, or of which others tell."""
    return empty_lists("limit_violations", pl.List(VIOLATION), count)


def _sides(asset_class: AssetClass) -> Iterator[_Side]:
    """Yield the sides of all tags on which a limit is set."""
    for name, tag in asset_class.tags.items():
        if tag.limits is None:
            continue
        low = (("low_low", tag.limits.low_low), ("low", tag.limits.low))
        high = (("high_high", tag.limits.high_high), ("high", tag.limits.high))
        for extreme, bounds in ((Aggregate.MIN, low), (Aggregate.MAX, high)):
            set_bounds = tuple((bound, limit) for bound, limit in bounds if limit is not None)
            if set_bounds:
                yield _Side(name, extreme, set_bounds)
