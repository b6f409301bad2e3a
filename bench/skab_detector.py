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
#: Sequence models see a window as the means of this many equal parts.
SEQUENCE, PARTS = ("convolution", "forecaster"), 6


def trailing(values: Floats, window: int) -> Floats:
    """Return mean and standard deviation ``[n - window + 1, 2 d]`` of each row and those before it."""
    views = sliding_window_view(values, window, axis=0)
    return np.concatenate([views.mean(axis=-1), views.std(axis=-1, ddof=1)], axis=1)


def series(values: Floats, window: int) -> Floats:
    """Return the means ``[n - window + 1, d x PARTS]`` of equal parts of each row's window, by column, oldest first."""
    views = sliding_window_view(values, window, axis=0)
    parts = views.reshape(*views.shape[:2], PARTS, window // PARTS).mean(axis=-1)
    return np.asarray(parts.reshape(len(parts), -1))


def score(values: Floats, window: int = WINDOW, family: str = "rolling") -> Floats:
    """Return the scores ``[n - NORMAL_ROWS]`` of the rows after the normal ones; 1 is the limit.

    Args:
        values: ``[n, d]`` rows of a file.
        window: rows of a window.
        family: model family; all but `rolling` need the last third of the normal windows to calibrate with.
    """
    features = series(values, window) if family in SEQUENCE else trailing(values, window)
    normal = NORMAL_ROWS - window + 1
    fitted = normal if family == "rolling" else round(normal * 2 / 3)
    later = features[min(fitted + window - 1, normal) : normal]
    names = [f"tag{column // PARTS}_mean_{column % PARTS + 1}of{PARTS}" for column in range(features.shape[1])]
    model = FAMILIES[family](Period(features[:fitted], later, names, overlap=window - 1), Effort())
    return np.asarray(model.contributions(features[normal:]).sum(axis=1))
