"""The model of the job `score`, run in the same way by every peer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from andon.models.scorer import FEATURES, SCORE, session_options

#: ``[n, d]`` features to ``[n]`` scores.
Scoring = Callable[[NDArray[np.float64]], NDArray[np.float32]]


def open_model(graph: bytes) -> Scoring:
    """Return how *graph* scores windows, with the session options that Andon runs its models with."""
    session = ort.InferenceSession(graph, session_options(), providers=["CPUExecutionProvider"])

    def score(features: NDArray[np.float64]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = session.run([SCORE], {FEATURES: features.astype(np.float32)})[0]
        return found

    return score
