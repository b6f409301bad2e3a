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
#: Lengths of blocks, windows; and how many of one length there must be.
_LENGTHS, _BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), 20


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

    The largest cumulant of single windows and of sums over blocks of several lengths, and `SURETY` standard errors of
    it. Blocks hold what the whitening has left of memory: levels that still wander, and restlessness that comes and
    goes, in which many windows in a row say the same though each by itself says little. The error is that of blocks
    whose sums times the tilt spread by about a half; those of longer ones hang on a few blocks and tell little of it.
    """
    lengths = [length for length in _LENGTHS if length * _BLOCKS <= len(scores)]
    return np.array([_charge(scores, each, lengths) for each in tilt])


def _charge(scores: Floats, tilt: float, lengths: list[int]) -> float:
    look = max(1, min(round(1 / (4 * tilt * tilt)), lengths[-1]))
    charges = [_cumulant(scores, tilt, length)[0] for length in lengths]
    return max(charges) + SURETY * _cumulant(scores, tilt, look)[1]


def _cumulant(scores: Floats, tilt: float, block: int) -> tuple[float, float]:
    """Return the cumulant a window of sums over blocks, and its standard error."""
    count = len(scores) // block
    growth = np.exp(tilt * scores[: count * block].reshape(count, block).sum(axis=1))
    mean = float(growth.mean())
    return math.log(mean) / block, float(growth.std()) / mean / math.sqrt(count) / block
