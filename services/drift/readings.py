"""What all charts of all machines say at the moment, for telemetry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.drift.calibration import Calibration, Chart
from services.drift.calibration.whitening import Floats
from services.drift.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Readings:
    """Arrays over machines and charts; NaN where a chart has no scores yet, or does not watch."""

    assets: tuple[str, ...]
    charts: tuple[Chart, ...]
    statistic: Floats
    """[assets, charts]: natural logarithm of one plus the evidence."""
    threshold: Floats
    """[assets]: the statistic at which one chart by itself is a finding."""
    e_value: Floats
    """[assets, charts]: evidence over windows; 1 or less on average while nothing changes."""
    active: npt.NDArray[np.bool_]
    """[assets, charts]: whether drift was found that is not over."""

    @property
    def evidence(self) -> Floats:
        """Each machine's e-value: the mean over its charts, [assets]; 1 where there is none."""
        there = np.isfinite(self.e_value)
        total = np.where(there, self.e_value, 0.0).sum(axis=1)
        return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), 1.0)


def read(assets: tuple[str, ...], fleet: Fleet, calibration: Calibration, watched: npt.NDArray[np.bool_]) -> Readings:
    """Read a fleet.

    Args:
        assets: names of its machines.
        fleet: the machines.
        calibration: what they are watched by.
        watched: [assets, charts].
    """
    there = watched & (fleet.age > 0)
    evidence = np.where(there, fleet.moments[:, 0].mean(axis=-1), np.nan)
    return Readings(
        assets=assets,
        charts=calibration.charts,
        statistic=np.log1p(evidence),
        threshold=np.log1p(np.maximum(watched.sum(axis=1), 1) * calibration.patience),
        e_value=evidence / np.maximum(fleet.age, 1),
        active=fleet.active.copy(),
    )
