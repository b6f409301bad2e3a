"""Kolmogorov and Smirnov's test, on a grid."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.detector import Floats
from services.drift.detectors.grid import GridDetector


class KolmogorovSmirnov(GridDetector):
    """Largest distance of two distribution functions, at the edges of a grid (`quantile_grid`), from 0 to 1.

    Between the edges of ten bins it can miss a tenth; with independent values n of them reach ``1.36 / sqrt(n)`` in one
    of twenty windows.

    Literature: Kolmogorov 1933, Smirnov 1939; in stream mining dos Reis 2016, Fast unsupervised online drift detection
    using incremental Kolmogorov-Smirnov test. Good for a shift of any kind of distribution, and easy to explain; weak
    in the tails, and it flags most windows of stationary data whose values depend on each other (70 % with a
    correlation of .9 from value to value). State: eight bytes a bin, 80 with ten.
    """

    name: ClassVar[str] = "kolmogorov_smirnov"

    def distance(self, shares: Floats, weight: Floats) -> Floats:
        """Return the largest distance ``[d]``."""
        return np.asarray(np.abs(np.cumsum(shares - self.grid.expected, axis=0)).max(axis=0))
