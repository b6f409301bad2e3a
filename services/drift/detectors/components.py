"""Principal components: what a machine's features do together, and no longer do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from services.drift.detectors.array_detector import Slot, State
from services.drift.detectors.detector import Floats, require_within
from services.drift.detectors.joint_detector import JointDetector, whole_rows

#: Components with less than this share of the variance are left out: below it is rounding, not a relation.
LEAST_SHARE = 1e-6


@dataclass(frozen=True, slots=True)
class Directions:
    """The principal components of a reference, each scaled to a variance of 1.

    Attributes:
        mean: ``[features]``
        axes: ``[components, features]``
    """

    mean: Floats
    axes: Floats


def principal_directions(reference: Floats) -> Directions:
    """Return the principal components of a reference ``[m, features]``; features that rest are in none of them.

    Raises:
        ValueError: it has too few whole vectors, or nothing in it moves.
    """
    whole = whole_rows(reference)
    mean = whole.mean(axis=0)
    variances, axes = np.linalg.eigh(np.atleast_2d(np.cov(whole, rowvar=False)))
    used = variances > LEAST_SHARE * variances.sum()
    if not used.any():
        raise ValueError("no feature moves in the reference: there is no joint distribution to watch")
    return Directions(mean, axes[:, used].T / np.sqrt(variances[used])[:, np.newaxis])


class Components(JointDetector):
    """Recent mean and variance of each principal component of the reference, against 0 and 1.

    The statistic is Kullback and Leibler's divergence between normal distributions, ``sum(variance + mean^2 - 1 -
    ln(variance)) / 2`` over the components, of exponentially weighted means and variances. All components count alike,
    those with little variance too, in which a relation between features shows first when it breaks: two features with a
    correlation of .9 that lose it, each by itself as before, make the smaller component's variance ten times as large.

    Literature: Jackson and Mudholkar 1979 for the residual components (Q); Qahtan, Alharbi, Wang and Zhang 2015, A
    PCA-based change detection framework for multidimensional data streams; Kuncheva and Faithfull 2014, PCA feature
    extraction for change detection in multidimensional unlabeled data, for the small components. Good for broken
    correlations with unchanged margins, and changes of many features at once; blind to relations that are not linear. A
    change of one feature in fifty is seen sooner by that feature's own detector. State: 16 bytes a component and eight
    more.
    """

    name: ClassVar[str] = "components"

    def __init__(self, streams: int, directions: Directions, half_life: float = 100.0) -> None:
        each = (len(directions.axes),)
        slots = {"mean": Slot(each), "square": Slot(each, start=1.0), "count": Slot()}
        super().__init__(streams, len(directions.mean), slots)
        self.directions, self.half_life = directions, half_life
        require_within("half_life", half_life, 0)
        self.weight = float(-np.expm1(-np.log(2) / half_life))

    def step(self, state: State, row: Floats) -> State:
        """Return mean and mean square of the components ``[components, d]`` after a row ``[d, features]``."""
        along = self.directions.axes @ (row - self.directions.mean).T
        return {
            "mean": state["mean"] + self.weight * (along - state["mean"]),
            "square": state["square"] + self.weight * (along**2 - state["square"]),
            "count": state["count"] + 1,
        }

    @property
    def statistic(self) -> Floats:
        """``[d]`` Divergence in nats; NaN before as many vectors as the half-life."""
        square, count = self._state["square"], self._state["count"]
        mean = self._state["mean"]
        variance = np.maximum(square - mean**2, np.finfo(np.float64).tiny)
        divergence = (square - 1 - np.log(variance)).sum(axis=0) / 2
        return np.where(count >= self.half_life, divergence, np.nan)
