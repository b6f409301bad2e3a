"""Robust covariance: the distance from the most concentrated part of the normal windows.

Minimum covariance determinant (Rousseeuw and Van Driessen 1999, A fast algorithm for the minimum covariance determinant
estimator), as scikit-learn computes it: mean and covariance of the share of windows that lie closest together, so that
up to a quarter of the period may have been abnormal. Needs several windows for each feature.
"""

from __future__ import annotations

import warnings

import numpy as np

from andon.errors import TrainingError
from services.trainer.families.model import Effort, Period, limit
from services.trainer.families.packages import load
from services.trainer.families.quadratic import Quadratic, distances, spread_out
from services.trainer.scaling import Float64, Scaling, fit_scaling

#: Share of the windows that is believed to be normal.
SUPPORT = 0.75
#: Windows needed for each feature: below, the concentrated part is a matter of chance.
FEWEST_PER_FEATURE = 3
#: Largest condition number of a covariance that is inverted: beyond, features depend on each other exactly.
_WORST_CONDITION = 1e10


def fit_robust(period: Period, effort: Effort) -> Quadratic:
    """Learn normal.

    Raises:
        TrainingError: no feature has values that move, the windows are too few, or scikit-learn is not installed.
    """
    scaling = fit_scaling(period.fit, period.names, period.ignored)
    used = scaling.used
    z = scaling.standardise(period.fit)[:, used]
    if len(z) < FEWEST_PER_FEATURE * z.shape[1]:
        raise TrainingError(
            f"robust covariance of {z.shape[1]} features needs {FEWEST_PER_FEATURE * z.shape[1]} windows, there are "
            f"{len(z)}: record more of normal operation, use fewer aggregates, or take family pca"
        )
    centre, covariance = _concentrated(z, effort.seed)
    weight = np.asarray(np.linalg.pinv(covariance, rcond=1 / _WORST_CONDITION, hermitian=True), np.float64)
    scaling = _moved(scaling, centre)
    later = scaling.standardise(period.calibration)[:, used]
    reached = limit(distances(later, weight), len(centre))
    return Quadratic("robust", scaling, spread_out(weight / reached, used), {"limit": reached})


def _concentrated(z: Float64, seed: int) -> tuple[Float64, Float64]:
    covariance = load("sklearn.covariance", "scikit-learn")
    with warnings.catch_warnings():  # of dependent features, which the pseudo-inverse takes
        warnings.simplefilter("ignore")
        found = covariance.MinCovDet(support_fraction=SUPPORT, random_state=seed).fit(z)
    return np.asarray(found.location_), np.asarray(found.covariance_)


def _moved(scaling: Scaling, centre: Float64) -> Scaling:
    """Return the scaling with the centre of the concentrated part."""
    moved = scaling.centre.copy()
    moved[scaling.used] += centre * scaling.spread[scaling.used]
    return Scaling(moved, scaling.spread, scaling.excluded, scaling.cut)
