"""Cumulants: what evidence must be charged a window so that it grows by nothing while nothing changes.

A chart bets on a change of some size by a tilt: it multiplies its evidence by exp(tilt * score - cumulant). Where the
cumulant is the logarithm of the mean of exp(tilt * score), that factor is 1 on average (Cramer; Shin, Ramdas, Rinaldo
2022 call it a baseline increment), and evidence needs no law of the scores but that of the reference.
"""

from __future__ import annotations

import math

import numpy as np

from services.drift.calibration.whitening import Floats

#: Standard errors of the reference's own figures that a change must be beyond.
SURETY = 2.5
#: Sizes of change that are bet on, each way, in geometric steps.
SIZES = 6
#: Largest tilt.
_STEEPEST = 1.0
#: Blocks at least, of which a mean over blocks is taken.
_BLOCKS = 40


def tilts(windows: int, run_length: float) -> Floats:
    """Return the tilts of a reference of so many windows, [2 * SIZES], both signs.

    To tell a change at tilt t takes about 2 ln(run_length) / t^2 windows, over which an error of the reference's mean
    by one standard error, 1 / sqrt(windows), adds 2 ln(run_length) / (t sqrt(windows)) to the logarithm of the
    evidence. Below the tilt where the charge for `SURETY` errors no longer outweighs the chance of such errors, a chart
    would watch the reference's error instead of the machine.
    """
    flattest = min(math.log(run_length) / (SURETY * math.sqrt(windows)), _STEEPEST / 2)
    sizes = np.geomspace(flattest, _STEEPEST, SIZES)
    return np.concatenate([sizes, -sizes])


def cumulants(scores: Floats, tilt: Floats) -> Floats:
    """Return what each tilt is charged a window, [tilts], of a chart's scores in the reference, [windows].

    The larger of two figures, each with `SURETY` standard errors on top: that of single windows, and that of blocks
    about as long as the tilt looks back, which holds what the whitening has left of memory.
    """
    single = np.array([_charge(scores, each, 1) for each in tilt])
    blocks = np.array([_charge(scores, each, _block(each, len(scores))) for each in tilt])
    return np.asarray(np.maximum(single, blocks))


def _block(tilt: float, windows: int) -> int:
    """Return the length of blocks: their sums times the tilt then spread by about a half."""
    return max(1, min(round(1 / (4 * tilt * tilt)), windows // _BLOCKS))


def _charge(scores: Floats, tilt: float, block: int) -> float:
    """Return the cumulant a window of blocks' sums, with its uncertainty."""
    count = len(scores) // block
    growth = np.exp(tilt * scores[: count * block].reshape(count, block).sum(axis=1))
    mean = growth.mean()
    error = growth.std() / mean / math.sqrt(count)
    return float((math.log(mean) + SURETY * error) / block)
