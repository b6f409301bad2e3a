"""What is normal for a machine in a regime, as far as the cause of a change is told from it. Pure.

The windows since a change are summed up in means that forget (`SPAN`), so a machine's present is one row of numbers.
How such a row differs from normal is only known if one knows how rows of normal operation do: the reference is run
through the same means, which leaves the memory of the signals in the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.features.feature import Feature
from andon.features.wording import is_level
from andon.models.reference import Reference

Floats = NDArray[np.float64]

#: Windows that the forgetting means look back over, about.
SPAN = 60
#: Weight of the newest window in them.
WEIGHT = 2 / (SPAN + 1)
#: Weight of 'signals are unrelated', so that two which always agree leave a matrix that can be inverted.
_SHRINKAGE = 1e-4


@dataclass(frozen=True)
class Normal:
    """Normal operation of one machine, or of all of a class together, in one regime.

    Attributes:
        mean: [features], in the features' units; NaN for a feature that had no value.
        std: [features], the same; 0 for one that did not vary.
        smooth: [windows, features], the reference in standard deviations, as forgetting means see it.
        correlation: [features, features], of single windows.
    """

    mean: Floats
    std: Floats
    smooth: Floats
    correlation: Floats

    @classmethod
    def of(cls, windows: Floats) -> Normal:
        """Return what is normal of windows [n, features] in their order, NaN where there is no value."""
        present = np.isfinite(windows)
        count = np.maximum(present.sum(axis=0), 1)
        mean = np.where(present, windows, 0.0).sum(axis=0) / count
        std = np.sqrt((np.where(present, windows - mean, 0.0) ** 2).sum(axis=0) / count)
        std[std <= 1e-9 * np.abs(mean)] = 0.0  # only rounding
        standard = standardised(windows, mean, std)
        held = np.nan_to_num(standard)
        shared = (1 - _SHRINKAGE) * (held.T @ held) / max(len(held), 1)
        diagonal = np.where(std > 0, _SHRINKAGE, 1.0)
        return cls(np.where(present.any(axis=0), mean, np.nan), std, _smoothed(standard), shared + np.diag(diagonal))

    def standardised(self, windows: Floats) -> Floats:
        """Return windows [n, features] in standard deviations from normal; NaN where that says nothing."""
        return standardised(windows, self.mean, self.std)


def standardised(windows: Floats, mean: Floats, std: Floats) -> Floats:
    """Return windows [n, features] in standard deviations from the mean; NaN where there is no value, or no spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(std > 0, (windows - mean) / std, np.nan)


class Normals:
    """Normal operation by machine and regime; that of a machine which the reference lacks is that of all together."""

    def __init__(self, reference: Reference) -> None:
        self._reference, self._known = reference, dict[tuple[str, str], Normal | None]()

    def get(self, asset: str, regime: str) -> Normal | None:
        """Return what is normal for a machine in a regime; None in a regime that the reference has not seen."""
        key = asset, regime
        if key not in self._known:
            frame = self._reference.frame.filter(regime=regime)
            own = frame.filter(asset=asset)
            chosen = own if own.height else frame
            values = chosen.select(pl.col(self._reference.features).cast(pl.Float64)).to_numpy()
            self._known[key] = Normal.of(values) if chosen.height else None
        return self._known[key]


def level_columns(features: Sequence[Feature]) -> dict[str, int]:
    """Return for each tag the number of the feature that tells where its signal is, as far as there is one."""
    levels = [(feature, number) for number, feature in enumerate(features) if feature.tags]
    found: dict[str, int] = {}
    for feature, number in sorted(levels, key=lambda each: (each[0].statistic != "mean", each[1])):
        if is_level(feature.statistic) and not feature.about_data:
            found.setdefault(feature.tag, number)
    return found


def spread_columns(features: Sequence[Feature]) -> dict[str, int]:
    """Return for each tag the number of the feature that tells how restless its signal is within a window."""
    return {feature.tag: number for number, feature in enumerate(features) if feature.statistic == "std"}


def _smoothed(standard: Floats) -> Floats:
    """Return what forgetting means show of rows [n, features], less those in which they have not yet warmed up."""
    mean, rows = np.zeros(standard.shape[1]), np.empty_like(standard)
    for number, row in enumerate(standard):
        mean = mean + WEIGHT * np.where(np.isnan(row), 0.0, row - mean)
        rows[number] = mean
    return rows[SPAN:]
