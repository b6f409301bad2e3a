"""Detectors that know nothing: whoever does not beat them has not detected anything.

On records in which events are long, `always` reaches an F1 that published methods do not (.70 on SKAB), which is why
the trivial detectors stand in every table.
"""

from __future__ import annotations

import numpy as np

from andon.evaluation.record import Bools, Floats, Record

#: Quantile of the differences between normal rows above which `persistence` raises an alarm.
PERSISTENCE_QUANTILE = 0.999


def always(truth: Bools) -> Record:
    """Return the record of a detector whose alarm is always on."""
    return Record(truth, np.ones(len(truth)), np.ones(len(truth), np.bool_))


def at_random(truth: Bools, share: float, random: np.random.Generator) -> Record:
    """Return the record of a detector that raises its alarm in a *share* of rows, drawn at random."""
    score = random.uniform(size=len(truth))
    return Record(truth, score, score > 1 - share)


def persistence(truth: Bools, rows: Floats, normal: Floats) -> Record:
    """Return the record of a detector that expects each row to be like the one before it.

    Args:
        truth: ``[n]`` whether the machine was abnormal.
        rows: ``[n, d]`` values that are judged, NaN where missing.
        normal: ``[m, d]`` values of normal operation, m >= 2: they tell how far rows usually are from each other.
    """
    spread = np.nanstd(normal, axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    limit = max(float(np.quantile(_steps(normal / scale), PERSISTENCE_QUANTILE)), np.finfo(np.float64).tiny)
    score = _steps(rows / scale) / limit
    return Record(truth, score, score > 1)


def _steps(rows: Floats) -> Floats:
    """Return ``[n]`` the largest difference of any value to the row before; 0 for the first and where missing."""
    steps = np.nan_to_num(np.abs(np.diff(rows, axis=0, prepend=rows[:1])))
    return np.asarray(steps.max(axis=1, initial=0.0))
