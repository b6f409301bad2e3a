"""Detectors of the joint distribution: a stream is one asset's vector of features."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.drift.detectors.array_detector import ArrayDetector, Slot
from services.drift.detectors.detector import Floats


class JointDetector(ArrayDetector):
    """A detector that takes vectors ``[n, d, features]`` of standardised values; one NaN and the vector is missing."""

    def __init__(self, streams: int, features: int, slots: Mapping[str, Slot]) -> None:
        super().__init__(streams, slots)
        self.features = features

    def _check(self, values: Floats) -> None:
        if values.ndim != 3 or values.shape[1:] != (self.streams, self.features):
            raise ValueError(f"{self.name} takes [n, {self.streams}, {self.features}], not {list(values.shape)}")

    def _missing(self, values: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.isnan(values).any(axis=-1))


def whole_rows(reference: Floats) -> Floats:
    """Return the rows of a reference ``[m, features]`` that have all values.

    Raises:
        ValueError: there are no more of them than features.
    """
    whole = reference[np.isfinite(reference).all(axis=1)]
    if len(whole) <= reference.shape[1]:
        raise ValueError(
            f"{len(whole)} whole vectors of {reference.shape[1]} features: as many and one more are needed"
        )
    return whole
