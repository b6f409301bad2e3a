"""Evidence of change: e-detectors, and which of a machine's charts it is enough for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.drift.calibration.whitening import Floats

Ints = npt.NDArray[np.int64]

#: What a chart keeps for every tilt: the evidence, and its product with the time, the count of windows and the sum of
#: standardised values at which the change may have begun.
MOMENTS = 4


def grow(moments: Floats, origin: Floats, scores: Floats, tilts: Floats, cumulants: Floats) -> Floats:
    """Return charts' moments after one more window.

    The evidence is Shiryaev and Roberts' statistic with Cramer's increments, an e-detector (Shin, Ramdas, Rinaldo
    2022): M' = (M + 1) exp(tilt * score - cumulant). While nothing changes, its mean is the number of windows, so it
    first reaches c after c windows or more on average, whatever the scores' law. M is a sum over all windows at which
    the change may have begun, each with its likelihood ratio; the other moments are the same sum with the time, count
    and sum of values at that moment, so that moment / M is their mean over where the change may have begun.

    Args:
        moments: [rows, MOMENTS, charts, tilts].
        origin: [rows, MOMENTS, charts]: 1, and time, count and sum before this window.
        scores: [rows, charts]; NaN leaves a chart as it is.
        tilts: [rows, tilts].
        cumulants: [rows, charts, tilts].
    """
    there = np.isfinite(scores)
    factor = np.exp(tilts[:, None, :] * np.where(there, scores, 0.0)[:, :, None] - cumulants)
    grown = (moments + origin[..., None]) * factor[:, None]
    return np.where(there[:, None, :, None], grown, moments)


def enough(evidence: Floats, watched: int, patience: float) -> tuple[Ints, float]:
    """Return the charts of one machine whose evidence is enough, and for how much it is.

    The e-Benjamini-Hochberg procedure on e-detectors (Wang and Ramdas 2022; Dandapanthula and Ramdas 2025): the k
    charts with the most evidence are named if each has `watched * patience / k`. If any is, the mean over all charts is
    `patience` at least; that mean is an e-detector itself, whatever the charts have to do with each other (Vovk and
    Wang 2021), and so the machine's false alarms come `patience` windows apart on average, or more. Benjamini and
    Hochberg's own procedure takes p-values that are independent, or positively so, at one fixed moment; the sensors of
    a machine, looked at every second, are neither.

    Args:
        evidence: [charts].
        watched: charts that are watched.
        patience: average run length promised, windows.
    """
    order = np.argsort(evidence)[::-1]
    rank = np.arange(1, len(order) + 1)
    reached = np.flatnonzero(evidence[order] * rank >= watched * patience)
    named = int(reached[-1]) + 1 if len(reached) else 0
    return order[:named], watched * patience / max(named, 1)
