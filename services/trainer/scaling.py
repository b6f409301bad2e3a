"""What is normal for each feature on its own: the first step of every model family.

Robustness: before mean and spread are estimated, values far outside the range of 98 % of the windows are pulled in, so
that a hiccup in the normal period does not define normal. (Sharper cuts, such as five median absolute deviations, cut
off what is normal too: a machine whose load changes now and then has features that rest most of the time.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.errors import TrainingError

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

#: Quantiles that a value may lie outside of by no more than their distance before it is pulled in.
INNER = (0.01, 0.99)
#: A feature that is missing in more of the windows is left out.
MOST_MISSING = 0.5
#: A feature whose 5 % and 95 % quantiles are closer than this, relative to its size, did not move: about the
#: sixteen smallest steps of float32, in which the graph receives it.
RESOLUTION = 2e-6
#: Standardised values are cut here, so that a score stays finite whatever a sensor says.
CUT = 1e6


@dataclass(frozen=True, slots=True)
class Scaling:
    """Centre and spread of d features.

    Attributes:
        centre: ``[d]`` mean of each feature, outliers pulled in; NaN where it never had a value.
        spread: ``[d]`` standard deviation, outliers pulled in.
        excluded: column of each feature that models do not look at, with the reason.
        cut: standardised values are cut at plus and minus this.
    """

    centre: Float64
    spread: Float64
    excluded: Mapping[int, str]
    cut: float = CUT

    @property
    def used(self) -> NDArray[np.bool_]:
        """``[d]`` whether models look at a feature."""
        used = np.ones(len(self.centre), dtype=np.bool_)
        used[list(self.excluded)] = False
        return used

    def standardise(self, matrix: Float64) -> Float64:
        """Return z ``[n, d]``: 0 where a value is missing or its feature is excluded, cut at +-`cut`."""
        with np.errstate(divide="ignore", invalid="ignore"):  # excluded features, zero below
            z = (matrix - self.centre) / self.spread
        return np.where(np.isnan(z) | ~self.used, 0.0, np.clip(z, -self.cut, self.cut))


def fit_scaling(
    fit: Float64, names: Sequence[str], ignored: Mapping[int, str] | None = None, *, cut: float = CUT
) -> Scaling:
    """Learn what is normal for each feature.

    Args:
        fit: ``[n, d]`` windows of the normal period, NaN where missing; n >= 2.
        names: the features' names, for messages.
        ignored: columns to leave out, with the reason.
        cut: standardised values are cut at plus and minus this.

    Raises:
        TrainingError: no feature has values that move; says what is wrong with them.
    """
    excluded = _unfit(fit) | dict(ignored or {})
    if len(excluded) == fit.shape[1]:
        raise TrainingError(_nothing_to_learn(excluded, names))
    values = np.ma.masked_invalid(pulled_in(fit))
    centre, spread = values.mean(axis=0).filled(np.nan), values.std(axis=0, ddof=1).filled(np.nan)
    return Scaling(centre, spread, excluded, cut)


def pulled_in(fit: Float64) -> Float64:
    """Return the values with outliers moved to the edge of what is believed."""
    low, high = _quantiles(fit, INNER)
    return np.clip(fit, low - (high - low), high + (high - low))


def _unfit(fit: Float64) -> dict[int, str]:
    missing = np.isnan(fit).mean(axis=0)
    still = _still(fit)
    reasons: dict[int, str] = {}
    for column in np.flatnonzero((missing > MOST_MISSING) | still):
        share = missing[column]
        if share == 1:
            reasons[int(column)] = "has no value in any window"
        elif share > MOST_MISSING:
            reasons[int(column)] = f"is missing in {share:.0%} of the windows"
        else:
            reasons[int(column)] = "did not move in the normal period"
    return reasons


def _still(fit: Float64) -> NDArray[np.bool_]:
    """Return ``[d]`` whether a feature rests at one value in nine of ten windows."""
    low, high = _quantiles(fit, (0.05, 0.95))
    with np.errstate(invalid="ignore"):
        return np.asarray(high - low <= RESOLUTION * np.maximum(np.abs(low), np.abs(high)))


def _nothing_to_learn(excluded: Mapping[int, str], names: Sequence[str]) -> str:
    findings = sorted(set(excluded.values()))
    examples = "; ".join(f"{names[column]} {reason}" for column, reason in list(excluded.items())[:5])
    return (
        f"none of the {len(names)} features can be learned from ({'; '.join(findings)}): {examples}. "
        "Check that the recording holds the class's tags under their names, with good quality, and that the "
        "machine was running"
    )


def _quantiles(matrix: Float64, levels: tuple[float, ...]) -> Float64:
    """Return the quantiles ``[levels, d]`` of what is there in each column; NaN for a column without values."""
    columns = [column[~np.isnan(column)] for column in matrix.T]
    nothing = np.full(len(levels), np.nan)
    return np.array([np.quantile(column, levels) if len(column) else nothing for column in columns]).T
