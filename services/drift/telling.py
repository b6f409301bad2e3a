"""What telemetry shows of machines. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from andon.stream.stage import Level
from services.drift.machines import Machines
from services.drift.readings import Readings

#: All states that a machine may be in.
STATES = ("stable", "warning", "drift", "abstain")


def levels(machines: Machines) -> Iterator[Level]:
    """Yield gauges of all machines: state, evidence, and each detector's statistic that is nearest to its threshold."""
    for asset, standing in machines.standings.items():
        for state in STATES:
            yield Level("andon_drift_state", {"asset": asset, "state": state}, float(standing.state == state))
    if readings := machines.readings:
        yield from _of_charts(readings)


def _of_charts(readings: Readings) -> Iterator[Level]:
    ratio = np.nan_to_num(readings.statistic / readings.threshold[:, None])
    detectors = np.array([chart.detector for chart in readings.charts])
    nearest = {name: ratio[:, detectors == name].max(axis=1) for name in dict.fromkeys(detectors.tolist())}
    for row, asset in enumerate(readings.assets):
        yield Level("andon_drift_evidence_ratio", {"asset": asset}, float(readings.evidence[row]))
        for detector, highest in nearest.items():
            labels = {"asset": asset, "detector": detector}
            yield Level("andon_drift_statistic_ratio", labels, float(highest[row]))
