"""PCA with Hotelling's T2 and Q, joined to one index: what a machine's normal windows have in common.

A window's standardised features z are split into the part that the components P explain and the rest:

- T2 = z' P L^-1 P' z: how far the window lies from the centre along the usual directions (L: their variances);
- Q = z' (I - P P') z: how far it lies off them, that is, how much the usual correlations are broken;
- score = T2 / T2_limit + Q / Q_limit = z' W z with one matrix W (the combined index of Yue and Qin 2001,
  Reconstruction-based fault identification using a combined index).

The limits come from windows that the components were not fitted on, because fitted windows look closer to normal than
any later one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.trainer.families.model import Effort, Period, limit
from services.trainer.families.quadratic import Quadratic, shrunk_covariance, spread_out
from services.trainer.scaling import Float64, fit_scaling, pulled_in

#: Share of the variance that the components keep. The aggregates of a tag move together, so a few components explain
#: nine tenths of it; faults that break weaker correlations show in those that follow.
EXPLAINED_VARIANCE = 0.98


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


def fit_pca(period: Period, effort: Effort) -> Quadratic:
    """Learn normal.

    Raises:
        TrainingError: no feature has values that move; says what is wrong with them.
    """
    scaling = fit_scaling(period.fit, period.names, period.ignored)
    used = scaling.used
    z = scaling.standardise(pulled_in(period.fit))[:, used]
    correlation, shrinkage = shrunk_covariance(z)
    space, explained = _components(correlation, len(z))
    limits = _limits(space, scaling.standardise(period.calibration)[:, used])
    metrics = {
        "components": len(space.variances),
        "explained_variance": explained,
        "shrinkage": shrinkage,
        "t2_limit": limits[0],
        "q_limit": limits[1],
    }
    return Quadratic("pca", scaling, spread_out(_combined(space, *limits), used), metrics)


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
    return limit(t2, components), limit(q, dimensions)


def _combined(space: _Subspace, t2_limit: float, q_limit: float) -> Float64:
    directions = space.directions
    t2 = directions / space.variances @ directions.T
    q = np.eye(len(directions)) - directions @ directions.T
    return np.asarray(t2 / t2_limit + q / q_limit)
