"""PSI: the population stability index."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.detector import Floats
from services.drift.detectors.grid import GridDetector


class Psi(GridDetector):
    """Population stability index over bins of equal shares (`quantile_grid`).

    ``sum((share - expected) * ln(share / expected))``: Jeffreys' divergence. Half a value is added to each bin, so
    that an empty one counts for much, but not for ever.

    Literature: Siddiqi 2006, Credit Risk Scorecards, with the rule of thumb that .1 is a small change and .25 a large
    one; Yurdakul and Naranjo 2020, Statistical properties of the population stability index: it is about chi-squared
    over the number of values, so the rule of thumb is none for small windows. Good for any change of one distribution,
    and known to many; slow for small shifts, and wrong where values depend on each other, like all of its kind. State:
    eight bytes a bin, 80 with ten.
    """

    name: ClassVar[str] = "psi"

    def distance(self, shares: Floats, weight: Floats) -> Floats:
        """Return the index ``[d]``."""
        recent = _smoothed(shares, weight)
        expected = _smoothed(self.grid.expected, weight)
        return np.asarray(((recent - expected) * np.log(recent / expected)).sum(axis=0))


def _smoothed(shares: Floats, weight: Floats) -> Floats:
    return (shares * weight + 0.5) / (weight + 0.5 * len(shares))
