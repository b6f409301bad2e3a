"""The threshold that a window's score is compared with: its regime's, or the one for all."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.features.regime import regimes
from andon.models.manifest import ModelFacts


def window_thresholds(facts: ModelFacts, windows: pl.DataFrame) -> NDArray[np.float64]:
    """Return ``[n]`` the thresholds of windows; a regime that the model has none of its own for gets `threshold`.

    Args:
        facts: of the model.
        windows: with column `regime`, or what `andon.features.regime.regimes` makes it of.
    """
    if not facts.regime_thresholds:
        return np.full(windows.height, facts.threshold)
    told = windows["regime"] if "regime" in windows.columns else regimes(windows, facts.feature_definition)
    found = told.replace_strict(facts.regime_thresholds, default=facts.threshold, return_dtype=pl.Float64)
    return found.to_numpy()
