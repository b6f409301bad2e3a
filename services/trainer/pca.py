"""PCA with Hotelling's T2 and Q, joined to one index: what a machine's normal windows have in common.

A window's standardised features z are split into the part that the components P explain and the rest:

- T2 = z' P L^-1 P' z: how far the window lies from the centre along the usual directions (L: their variances);
- Q = z' (I - P P') z: how far it lies off them, that is, how much the usual correlations are broken;
- score = T2 / T2_limit + Q / Q_limit = z' W z with one matrix W (the combined index of Yue and Qin 2001,
  Reconstruction-based fault identification using a combined index).

Each feature's contribution is z_i (W z)_i, the partial decomposition of Alcala and Qin 2011 (Analysis and
generalization of fault diagnosis methods for process monitoring). Contributions sum to the score, and a
disturbance of a single feature ends up at that feature, which squared residuals do not promise: they smear it
over all correlated features. A negative contribution makes the window look more normal.

Robustness: before mean, spread and correlation are estimated, values far outside the range of 98 % of the windows are
pulled in, so that a hiccup in the normal period does not define normal. (Sharper cuts, such as five median absolute
deviations, cut off what is normal too: a machine whose load changes now and then has features that rest most of the
time.) The correlation matrix is shrunk towards the identity (Ledoit and Wolf 2004, A well-conditioned estimator for
large-dimensional covariance matrices), so that fewer windows than features still give a usable model. The limits come
from windows that the components were not fitted on, because fitted windows look closer to normal than any later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.errors import TrainingError

Float64 = NDArray[np.float64]

#: Share of the variance that the components keep. The aggregates of a tag move together, so a few components explain
#: nine tenths of it; faults that break weaker correlations show in those that follow.
EXPLAINED_VARIANCE = 0.98
#: Quantiles that a value may lie outside of by no more than their distance before it is pulled in.
INNER = (0.01, 0.99)
#: A feature that is missing in more of the windows is left out.
MOST_MISSING = 0.5
#: A feature whose 5 % and 95 % quantiles are closer than this, relative to its size, did not move: about the
#: sixteen smallest steps of float32, in which the graph receives it.
RESOLUTION = 2e-6
#: Quantile of the calibration windows' T2 and Q that counts as their limit.
LIMIT_QUANTILE = 0.99
#: Smallest limit, per dimension: movement by a hundredth of a standard deviation is noise. Without it, two
#: features that are always equal would raise an alarm at the first rounding error between them.
LIMIT_FLOOR = 1e-4
#: Standardised values are cut here, so that a score stays finite whatever a sensor says.
CUT = 1e6


@dataclass(frozen=True, slots=True)
class PcaModel:
    """A fitted model; d features.

    Attributes:
        centre: ``[d]`` mean of each feature, outliers pulled in; NaN where it never had a value.
        spread: ``[d]`` standard deviation, outliers pulled in.
        weight: ``[d, d]`` the matrix W; zero in the rows and columns of excluded features.
        excluded: column of each feature that the model does not look at, with the reason.
        metrics: figures of the fit.
    """

    centre: Float64
    spread: Float64
    weight: Float64
    excluded: Mapping[int, str]
    metrics: Mapping[str, float]

    @property
    def used(self) -> NDArray[np.bool_]:
        """``[d]`` whether the model looks at a feature."""
        used = np.ones(len(self.centre), dtype=np.bool_)
        used[list(self.excluded)] = False
        return used

    def contributions(self, matrix: Float64) -> Float64:
        """Return each feature's part ``[n, d]`` of the scores of windows ``[n, d]``; a row sums to its score."""
        z = standardise(matrix, self)
        return z * (z @ self.weight)

    def score(self, matrix: Float64) -> Float64:
        """Return the scores ``[n]`` of windows ``[n, d]`` (NaN where a value is missing)."""
        return np.asarray(self.contributions(matrix).sum(axis=1))


@dataclass(frozen=True, slots=True)
class _Subspace:
    """Directions ``[d, k]`` and variances ``[k]`` of the components."""

    directions: Float64
    variances: Float64

    def split(self, z: Float64) -> tuple[Float64, Float64]:
        """Return T2 ``[n]`` and Q ``[n]``."""
        along = z @ self.directions
        rest = z - along @ self.directions.T
        return (along**2 / self.variances).sum(axis=1), (rest**2).sum(axis=1)


def fit_pca(
    fit: Float64, calibration: Float64, names: Sequence[str], ignored: Mapping[int, str] | None = None
) -> PcaModel:
    """Learn normal.

    Args:
        fit: ``[n, d]`` windows of the normal period, NaN where missing; n >= 2.
        calibration: ``[m, d]`` later windows of the normal period, for the limits of T2 and Q.
        names: the features' names, for messages.
        ignored: columns to leave out, with the reason.

    Raises:
        TrainingError: no feature has values that move; says what is wrong with them.
    """
    excluded = _unfit(fit) | dict(ignored or {})
    if len(excluded) == fit.shape[1]:
        raise TrainingError(_nothing_to_learn(excluded, names))
    centre, spread = _location(fit)
    model = PcaModel(centre, spread, np.zeros((len(centre), len(centre))), excluded, {})
    used = model.used
    z = standardise(_pulled_in(fit), model)[:, used]
    correlation, shrinkage = shrunk_covariance(z)
    space, explained = _components(correlation, len(z))
    limits = _limits(space, standardise(calibration, model)[:, used])
    model.weight[np.ix_(used, used)] = _combined(space, *limits)
    metrics = {
        "components": len(space.variances),
        "explained_variance": explained,
        "shrinkage": shrinkage,
        "t2_limit": limits[0],
        "q_limit": limits[1],
    }
    return PcaModel(centre, spread, model.weight, excluded, metrics)


def standardise(matrix: Float64, model: PcaModel) -> Float64:
    """Return z ``[n, d]``: 0 where a value is missing or its feature is excluded, cut at +-`CUT`."""
    with np.errstate(divide="ignore", invalid="ignore"):  # excluded features, zero below
        z = (matrix - model.centre) / model.spread
    return np.where(np.isnan(z) | ~model.used, 0.0, np.clip(z, -CUT, CUT))


def shrunk_covariance(z: Float64) -> tuple[Float64, float]:
    """Return the covariance of centred rows ``[n, d]``, shrunk, and the shrinkage intensity in 0..1.

    Ledoit and Wolf (2004): the mix of the sample covariance and a multiple of the identity that is closest
    to the true covariance, estimated without knowing it.
    """
    n, d = z.shape
    sample = z.T @ z / n
    size = np.trace(sample) / d
    target = size * np.eye(d)
    distance = float(((sample - target) ** 2).sum())
    noise = float((((z**2).sum(axis=1) ** 2).sum() / n - (sample**2).sum()) / n)
    intensity = min(noise / distance, 1.0) if distance > 0 else 1.0
    return intensity * target + (1 - intensity) * sample, intensity


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


def _pulled_in(fit: Float64) -> Float64:
    """Return the values with outliers moved to the edge of what is believed."""
    low, high = _quantiles(fit, INNER)
    return np.clip(fit, low - (high - low), high + (high - low))


def _location(fit: Float64) -> tuple[Float64, Float64]:
    """Return mean ``[d]`` and standard deviation ``[d]`` with outliers pulled in."""
    values = np.ma.masked_invalid(_pulled_in(fit))
    return values.mean(axis=0).filled(np.nan), values.std(axis=0, ddof=1).filled(np.nan)


def _quantiles(matrix: Float64, levels: tuple[float, ...]) -> Float64:
    """Return the quantiles ``[levels, d]`` of what is there in each column; NaN for a column without values."""
    columns = [column[~np.isnan(column)] for column in matrix.T]
    nothing = np.full(len(levels), np.nan)
    return np.array([np.quantile(column, levels) if len(column) else nothing for column in columns]).T


def _components(correlation: Float64, windows: int) -> tuple[_Subspace, float]:
    """Return the fewest directions that explain enough, leaving one for Q where there are two or more."""
    variances, directions = np.linalg.eigh(correlation)
    variances, directions = variances[::-1], directions[:, ::-1]
    explained = np.cumsum(variances) / variances.sum()
    enough = int(np.searchsorted(explained, EXPLAINED_VARIANCE)) + 1
    count = max(1, min(enough, windows - 1, len(variances) - 1))
    return _Subspace(directions[:, :count], variances[:count]), float(explained[count - 1])


def _limits(space: _Subspace, z: Float64) -> tuple[float, float]:
    t2, q = space.split(z)
    dimensions, components = space.directions.shape
    return (
        max(float(np.quantile(t2, LIMIT_QUANTILE)), LIMIT_FLOOR * components),
        max(float(np.quantile(q, LIMIT_QUANTILE)), LIMIT_FLOOR * dimensions),
    )


def _combined(space: _Subspace, t2_limit: float, q_limit: float) -> Float64:
    directions = space.directions
    t2 = directions / space.variances @ directions.T
    q = np.eye(len(directions)) - directions @ directions.T
    return np.asarray(t2 / t2_limit + q / q_limit)
