"""What is no change of law, but must be told: a regime never seen, a feature that has gone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.drift.calibration import SCORE, Calibration
from services.drift.calibration.whitening import Floats
from services.drift.finding import Finding
from services.drift.fleet import Fleet

Ints = npt.NDArray[np.int64]

#: Windows in a row without a value after which a feature is missing, at least; twice as many as in the reference.
_FEWEST, _TIMES = 60, 2


def missing_limits(calibration: Calibration) -> Ints:
    """Return the windows in a row without a value after which each stream is missing, [streams]; no score ever is."""
    silence = np.max([model.silence for model in calibration.models.values()], axis=0)
    ever = np.array([stream == SCORE for stream in calibration.streams])
    return np.where(ever, np.iinfo(np.int64).max, np.maximum(_FEWEST, _TIMES * silence))


def note_missing(fleet: Fleet, machines: Ints, values: Floats, limits: Ints) -> list[tuple[int, int, bool, int]]:
    """Count windows without a value.

    Args:
        fleet: counts them.
        machines: rows of the fleet.
        values: [rows, streams].
        limits: [streams], as `missing_limits` says.

    Returns:
        Row, stream, whether it is missing now or is back, and the windows without a value.
    """
    before, there = fleet.absent[machines], np.isfinite(values)
    fleet.absent[machines] = now = np.where(there, 0, before + 1)
    changed = (there & (before >= limits)) | (now == limits)
    return [
        (int(row), int(stream), not there[row, stream], int(max(before[row, stream], now[row, stream])))
        for row, stream in np.argwhere(changed)
    ]


def missing(
    asset: str, stream: str, active: bool, windows: int, limit: int, time: int, step: int, regime: str
) -> Finding:
    """Tell that a feature has had no value for too long, or has one again."""
    since = time - windows * step if active else time - step
    return Finding(asset, "missing", stream, active, time, since, windows, limit, None, None, regime)


def note_regimes(fleet: Fleet, machines: Ints, is_new: npt.NDArray[np.bool_]) -> Ints:
    """Note whether each machine's regime is one that the reference lacks; return the rows where that has changed."""
    changed = np.flatnonzero(fleet.new_regime[machines] != is_new)
    fleet.new_regime[machines] = is_new
    return changed


def regime(asset: str, active: bool, time: int, step: int, name: str) -> Finding:
    """Tell that a machine runs in a regime that the reference lacks, or does so no more."""
    return Finding(asset, "regime", "regime", active, time, time - step, float(active), 1.0, None, None, name)
