"""Jensen and Shannon's divergence."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from services.drift.detectors.detector import Floats
from services.drift.detectors.grid import GridDetector


class JensenShannon(GridDetector):
    """Divergence of recent shares and the reference's from their mean, in bits: 0 alike, 1 nothing in common.

    Literature: Lin 1991, Divergence measures based on the Shannon entropy. Good for states and counters, whose values
    come and go: defined for empty bins without smoothing, and bounded. As blind to order as PSI: it does not tell a
    small move from a large one once no bin is shared. State: eight bytes a bin, 80 with ten.
    """

    name: ClassVar[str] = "jensen_shannon"

    def distance(self, shares: Floats, weight: Floats) -> Floats:
        """Return the divergence ``[d]``."""
        middle = (shares + self.grid.expected) / 2
        return (_divergence(shares, middle) + _divergence(self.grid.expected, middle)) / 2


def _divergence(shares: Floats, middle: Floats) -> Floats:
    """Return Kullback and Leibler's divergence ``[d]`` from the middle, in bits; empty bins add nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(shares > 0, shares * np.log2(shares / middle), 0.0).sum(axis=0))
