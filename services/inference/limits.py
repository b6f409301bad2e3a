"""The plant model's alarm limits, checked on windows: they keep watch when no model can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from andon.features import Aggregate
from andon.plant import AssetClass
from services.inference.scatter import scatter_lists

#: Element of the column `limit_violations`: `andon.contracts.LimitViolation`, one field a column.
VIOLATION = pl.Struct({"tag": pl.String, "bound": pl.String, "limit": pl.Float64, "value": pl.Float64})


@dataclass(frozen=True, slots=True)
class _Side:
    """The limits of one tag on one side, the critical one first."""

    tag: str
    extreme: Aggregate
    bounds: tuple[tuple[str, float], ...]

    def feature(self, asset_class: AssetClass) -> str | None:
        """Return the feature to hold against the limits: the extreme on their side, else the mean."""
        names = asset_class.feature_definition.feature_names
        wanted = (f"{self.tag}_{self.extreme}", f"{self.tag}_{Aggregate.MEAN}")
        return next((name for name in wanted if name in names), None)

    def is_broken(self, value: pl.Expr) -> pl.Expr:
        """Return whether *value* lies outside any of the limits."""
        return reduce(or_, (self._outside(value, limit) for _, limit in self.bounds))

    def violation(self, value: pl.Expr) -> pl.Expr:
        """Return the worst broken limit as `VIOLATION`, or null."""
        worst = pl.lit(None, dtype=VIOLATION)
        for bound, limit in reversed(self.bounds):
            found = pl.struct(tag=pl.lit(self.tag), bound=pl.lit(bound), limit=pl.lit(float(limit)), value=value)
            worst = pl.when(self._outside(value, limit)).then(found).otherwise(worst)
        return worst

    def _outside(self, value: pl.Expr, limit: float) -> pl.Expr:
        return value < limit if self.extreme is Aggregate.MIN else value > limit


class LimitWatch:
    """Checks the windows of one asset class against its tags' limits.

    A window's minimum is compared with the low limits and its maximum with the high ones, or its mean
    with both where the feature definition has no extremes.

    Attributes:
        unwatched: tags with limits, but without a feature to hold against them; a person must be told.
    """

    def __init__(self, asset_class: AssetClass) -> None:
        sides = [(side, side.feature(asset_class)) for side in _sides(asset_class)]
        watched = [(side, pl.col(feature)) for side, feature in sides if feature]
        self.unwatched = tuple(dict.fromkeys(side.tag for side, feature in sides if not feature))
        self._is_broken = [side.is_broken(value) for side, value in watched]
        self._violations = [side.violation(value) for side, value in watched]

    def check(self, features: pl.DataFrame) -> pl.Series:
        """Return for each window its broken limits, the worst of each tag and side, as a list of `VIOLATION`.

        Args:
            features: one Float64 column a feature; null where it could not be computed.
        """
        none = pl.repeat(False, pl.len())
        broken = features.select(pl.any_horizontal(none, *self._is_broken).fill_null(False)).to_series()
        if not broken.any():
            return scatter_lists(pl.Series("limit_violations", [], dtype=pl.List(VIOLATION)), broken)
        found = features.filter(broken).select(
            pl.concat_list(self._violations).list.drop_nulls().alias("limit_violations")
        )
        return scatter_lists(found.to_series(), broken)


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
