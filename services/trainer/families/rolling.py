"""Distance in units of how far normal drifts: for machines whose normal does not stand still.

A covariance says how far windows lie from the mean of the windows that it was computed of. What is asked later is how
far they lie from the mean of the *past*, and where a machine warms up or tanks empty that is farther. So the normal
period is cut into blocks in order of time, each block's windows are compared with the mean of all blocks before it (a
rolling origin; Tashman 2000, Out-of-sample tests of forecasting accuracy), and the spread and correlation of those
errors are what the distance is measured in. Tags that drift count little, those that stand still count much.

Errors of few blocks say little about correlations, so these are halved: the covariance is mixed with its diagonal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from andon.errors import TrainingError
from services.trainer.families.model import Effort, Period, limit
from services.trainer.families.quadratic import Quadratic, distances, shrunk_covariance, spread_out
from services.trainer.scaling import Float64, fit_scaling

#: Blocks that the period of each asset is cut into; all but the first give errors.
BLOCKS = 4
#: Share of the correlations that is believed.
BELIEVED = 0.5


def fit_rolling(period: Period, effort: Effort) -> Quadratic:
    """Learn normal and how it moves.

    Calibration windows lie after all blocks: they raise the limit where they are farther away than the blocks' errors,
    and are not needed.

    Raises:
        TrainingError: no feature has values that move, or the windows are too few for blocks.
    """
    scaling = fit_scaling(period.fit, period.names, period.ignored)
    used = scaling.used
    errors = _errors(scaling.standardise(period.fit)[:, used], (period.age * BLOCKS).astype(np.int64), period.overlap)
    size = np.maximum(np.sqrt((errors**2).mean(axis=0)), np.finfo(np.float64).eps)
    covariance, shrinkage = shrunk_covariance(errors / size)
    weight = np.linalg.inv(BELIEVED * covariance + (1 - BELIEVED) * np.eye(len(size))) / np.outer(size, size)
    later = scaling.standardise(period.calibration)[:, used]
    reached = [limit(distances(rows, weight), len(size)) for rows in (errors, later) if len(rows)]
    drift = float(np.sqrt((size**2).mean()))
    metrics = {"shrinkage": shrinkage, "drift": drift, "limit": max(reached)}
    return Quadratic("rolling", scaling, spread_out(weight / max(reached), used), metrics)


def _errors(z: Float64, blocks: NDArray[np.int64], overlap: int) -> Float64:
    """Return the distances of windows from the mean of all blocks before theirs."""
    found = []
    for block in range(1, BLOCKS):
        rows = np.flatnonzero(blocks == block)
        starts = np.flatnonzero(np.diff(rows, prepend=-2) > 1)  # of each asset's windows in this block
        since = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
        found.append(z[rows[since >= overlap]] - z[blocks < block].mean(axis=0))
    errors = np.concatenate(found)
    if len(errors) < BLOCKS:
        raise TrainingError(
            f"{len(z)} windows, each sharing samples with the {overlap} before it, are too few for {BLOCKS} blocks "
            f"that share none: record at least {2 * BLOCKS * (overlap + 1)} windows of normal operation of each asset"
        )
    return errors
