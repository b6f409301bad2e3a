"""Scores that are a quadratic form of the standardised features: z' W z.

Each feature's contribution is z_i (W z)_i, the partial decomposition of Alcala and Qin 2011 (Analysis and
generalization of fault diagnosis methods for process monitoring). Contributions sum to the score, and a disturbance of
a single feature ends up at that feature, which squared residuals do not promise: they smear it over all correlated
features. A negative contribution makes the window look more normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.graph import Node, export
from services.trainer.scaling import Float64, Scaling

_BODY = (Node("MatMul", ("z", "weight"), "pull"), Node("Mul", ("z", "pull"), "parts"))


@dataclass(frozen=True, slots=True)
class Quadratic:
    """A fitted model; d features.

    Attributes:
        name: of its graph.
        scaling: what is normal for each feature.
        weight: ``[d, d]`` the matrix W; rows and columns of excluded features do not count.
        metrics: figures of the fit.
    """

    name: str
    scaling: Scaling
    weight: Float64
    metrics: Mapping[str, float]

    def contributions(self, matrix: Float64) -> Float64:
        """Return each feature's part ``[n, d]`` of the scores of windows ``[n, d]``; a row sums to its score."""
        z = self.scaling.standardise(matrix)
        return z * (z @ self.weight)

    def export(self) -> bytes:
        """Return the model as ONNX."""
        return export(self.name, self.scaling, _BODY, {"weight": self.weight})


def spread_out(weight: Float64, used: NDArray[np.bool_]) -> Float64:
    """Return the matrix ``[d, d]`` of all features from that of the used ones, zero elsewhere."""
    whole = np.zeros((len(used), len(used)))
    whole[np.ix_(used, used)] = weight
    return whole


def distances(z: Float64, weight: Float64) -> Float64:
    """Return z' W z ``[n]`` of rows ``[n, d]``."""
    return np.asarray((z * (z @ weight)).sum(axis=1))


def shrunk_covariance(z: Float64) -> tuple[Float64, float]:
    """Return the covariance of centred rows ``[n, d]``, shrunk, and the shrinkage intensity in 0..1.

    Ledoit and Wolf (2004, A well-conditioned estimator for large-dimensional covariance matrices): the mix of the
    sample covariance and a multiple of the identity that is closest to the true covariance, estimated without
    knowing it. Fewer windows than features still give a usable matrix.
    """
    n, d = z.shape
    sample = z.T @ z / n
    size = np.trace(sample) / d
    target = size * np.eye(d)
    distance = float(((sample - target) ** 2).sum())
    noise = float((((z**2).sum(axis=1) ** 2).sum() / n - (sample**2).sum()) / n)
    intensity = min(noise / distance, 1.0) if distance > 0 else 1.0
    return intensity * target + (1 - intensity) * sample, intensity
