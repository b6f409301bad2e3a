"""What the signals of a machine foretell of each other. Pure.

A machine that follows a demand is never the same for long: speed, flow and power go up and down together, all day. What
stays is how they hang together. So what is watched of each signal is what the others do not foretell, seen as jointly
normal (the conditional mean of a multivariate normal distribution; Hotelling's and Hawkins's regression-adjusted
variables: Hawkins 1991, Multivariate quality control based on regression-adjusted variables, Technometrics 33). A
signal that hangs together with no other is watched as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.features.definition import Aggregate
from andon.features.feature import Feature
from andon.models.reference import Reference
from services.drift.normal import Floats, level_columns, spread_columns

#: Weight of 'signals are unrelated', so that two which always agree leave a matrix that can be inverted.
_SHRINKAGE = 1e-4
#: Smallest spread whose logarithm is told from that of 0, in units of the feature.
_SMALLEST = 1e-9
#: Stretches of a reference that are each foretold by the others.
_PARTS = 2
_Key = tuple[str, str]


@dataclass(frozen=True)
class _Group:
    """Signals that may foretell each other, by machine and regime.

    Attributes:
        columns: numbers of the features.
        logarithmic: whether their logarithms are compared: spreads differ by factors.
        mean: [models, signals].
        covariance: [models, signals, signals]; 0 in rows and columns of what did not vary.
        precision: [models, signals, signals], its inverse; identity there.
    """

    columns: tuple[int, ...]
    logarithmic: bool
    mean: Floats
    covariance: Floats
    precision: Floats

    @classmethod
    def of(cls, parts: Sequence[Floats], columns: Sequence[int], *, logarithmic: bool) -> _Group:
        """Learn from the windows [n, features] of each model."""
        chosen = [_scaled(part[:, list(columns)], logarithmic=logarithmic) for part in parts]
        mean = np.array([np.nan_to_num(_mean(each)) for each in chosen]).reshape(len(parts), len(columns))
        covariance = np.array([_covariance(each) for each in chosen]).reshape(len(parts), len(columns), len(columns))
        return cls(tuple(columns), logarithmic, mean, covariance, np.array([_inverse(each) for each in covariance]))

    def residuals(self, model: NDArray[np.int64], features: Floats) -> Floats:
        """Return [rows, signals] what the others do not foretell; NaN where a signal has no value or did not vary."""
        away = _scaled(features[:, self.columns], logarithmic=self.logarithmic) - self.mean[model]
        there = np.isfinite(away)
        precision = self.precision[model]
        for row in np.flatnonzero(~there.all(axis=1)):  # few windows lack a signal: the others do without it
            kept = np.ix_(there[row], there[row])
            precision[row] = np.eye(len(self.columns))
            precision[row][kept] = _inverse(self.covariance[model[row]][kept])
        left = np.einsum("ri,rij->rj", np.where(there, away, 0.0), precision)
        varied = np.einsum("rjj->rj", self.covariance[model]) > 0
        return np.where(there & varied, left / np.einsum("rjj->rj", precision), np.nan)


@dataclass(frozen=True)
class Relations:
    """How the signals of each machine hang together in each regime.

    Attributes:
        streams: names of what is watched, each that of the feature it is made of.
    """

    streams: tuple[str, ...]
    _groups: tuple[_Group, ...]
    _plain: tuple[int, ...]
    _models: dict[_Key, int]

    @classmethod
    def of(cls, reference: Reference, features: Sequence[Feature]) -> Relations:
        """Learn from a reference.

        Of each signal its level and its spread are watched; other aggregates of the same samples say little more, and
        each would take its share of the false alarms that the contract allows. Features of other kinds are watched as
        they are.
        """
        levels, spreads = tuple(level_columns(features).values()), tuple(spread_columns(features).values())
        plain = tuple(
            number for number, each in enumerate(features) if number not in (*levels, *spreads) and _is_own(each)
        )
        keys = reference.frame.select("asset", "regime").unique(maintain_order=True).rows()
        pools = [("", regime) for regime in dict.fromkeys(regime for _, regime in keys)]
        parts = [_matrix(reference, asset, regime) for asset, regime in (*keys, *pools)]
        groups = (_Group.of(parts, levels, logarithmic=False), _Group.of(parts, spreads, logarithmic=True))
        names = tuple(features[number].name for number in (*levels, *spreads, *plain))
        return cls(names, groups, plain, {key: number for number, key in enumerate((*keys, *pools))})

    @staticmethod
    def foretold(reference: Reference, features: Sequence[Feature]) -> pl.DataFrame:
        """Return a reference as it would have been watched by what was learned of the rest of it.

        How a signal wanders that is watched by relations learned elsewhere is how it will wander later. Relations fit
        the windows that they were learned from better than any that come after.
        """
        place = pl.int_range(pl.len()).over("asset", "regime") * _PARTS // pl.len().over("asset", "regime")
        part = reference.frame.select(place).to_series()
        found = []
        for number in range(_PARTS):
            rest, own = (Reference(reference.frame.filter(chosen)) for chosen in (part != number, part == number))
            found.append(Relations.of(rest, features).watched(own.keys, own.values))
        return pl.concat(found).sort("asset", "time")

    def watched(self, windows: pl.DataFrame, features: Floats) -> pl.DataFrame:
        """Return *windows* with a column for each stream; null in a regime that the reference has not seen.

        Args:
            windows: asset, regime and whatever else; a machine that the reference lacks is taken for one of all of it.
            features: [windows, features] in their order, NaN where there is no value.
        """
        keys = windows.select("asset", "regime").iter_rows()
        model = np.array([self._models.get(key, self._models.get(("", key[1]), -1)) for key in keys], dtype=np.int64)
        found = np.full((len(model), len(self.streams)), np.nan)
        known = model >= 0
        parts = [group.residuals(model[known], features[known]) for group in self._groups]
        found[known] = np.concatenate([*parts, features[known][:, self._plain]], axis=1)
        return windows.hstack(pl.DataFrame(found, schema=list(self.streams), orient="row", nan_to_null=True))


def _is_own(feature: Feature) -> bool:
    """Return whether a feature is of another kind than an aggregate of a tag, and tells of the machine."""
    aggregate = feature.statistic in set(Aggregate)
    return bool(feature.tags) and not feature.about_data and not aggregate and "regime_" not in feature.statistic


def _matrix(reference: Reference, asset: str, regime: str) -> Floats:
    rows = reference.frame.filter(regime=regime)
    own = rows.filter(asset=asset) if asset else rows
    return np.asarray(own.select(pl.col(reference.features).cast(pl.Float64)).to_numpy())


def _scaled(values: Floats, *, logarithmic: bool) -> Floats:
    return np.log(np.maximum(values, 0.0) + _SMALLEST) if logarithmic else values


def _mean(values: Floats) -> Floats:
    present = np.isfinite(values)
    return np.asarray(np.where(present, values, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1))


def _covariance(values: Floats) -> Floats:
    """Return the covariance over windows without a gap, [signals, signals]; 0 for what does not vary."""
    whole = values[np.isfinite(values).all(axis=1)]
    count = values.shape[1]
    if len(whole) <= count:
        return np.zeros((count, count))
    found = np.cov(whole, rowvar=False).reshape(count, count)
    varied = np.diag(found) > (1e-9 * np.abs(whole.mean(axis=0))) ** 2  # less is only rounding
    return np.where(varied[:, None] & varied, (1 - _SHRINKAGE) * found + _SHRINKAGE * np.diag(np.diag(found)), 0.0)


def _inverse(covariance: Floats) -> Floats:
    """Return the inverse for the signals that vary, and identity for the others."""
    found, varied = np.eye(len(covariance)), np.diag(covariance) > 0
    kept = np.ix_(varied, varied)
    found[kept] = np.linalg.inv(covariance[kept])
    return found
