"""The detector of the SKAB bench: one configuration for all files, fitted on each file's first rows.

Family `rolling` on the mean and standard deviation of each tag over the last `window` rows. Nothing looks ahead. How
`WINDOW` and `MARGIN` were chosen: see `bench.skab_choice`.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from andon.evaluation.record import Floats
from bench.layouts import NORMAL_ROWS
from services.trainer.families import FAMILIES, Effort, Period

#: Rows of a window, and how far above the limit (the 99 % quantile of the errors in the normal rows) an alarm begins.
WINDOW, MARGIN = 30, 3.1


def trailing(values: Floats, window: int) -> Floats:
    """Return mean and standard deviation ``[n - window + 1, 2 d]`` of each row and those before it."""
    views = sliding_window_view(values, window, axis=0)
    return np.concatenate([views.mean(axis=-1), views.std(axis=-1, ddof=1)], axis=1)


def score(values: Floats, window: int = WINDOW, family: str = "rolling") -> Floats:
    """Return the scores ``[n - NORMAL_ROWS]`` of the rows after the normal ones; 1 is the limit.

    Args:
        values: ``[n, d]`` rows of a file.
        window: rows of a window.
        family: model family; all but `rolling` need the last third of the normal windows to calibrate with.
    """
    features = trailing(values, window)
    normal = NORMAL_ROWS - window + 1
    fitted = normal if family == "rolling" else round(normal * 2 / 3)
    later = features[min(fitted + window - 1, normal) : normal]
    names = [f"f{column}" for column in range(features.shape[1])]
    model = FAMILIES[family](Period(features[:fitted], later, names, overlap=window - 1), Effort())
    return np.asarray(model.contributions(features[normal:]).sum(axis=1))
