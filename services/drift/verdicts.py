"""When a chart's evidence is a finding, and when what was found is over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.drift.calibration.whitening import Floats
from services.drift.evidence import enough
from services.drift.fleet import Fleet

#: Drift that lasts is found again within the time that it took the first time; it is over after this many times that
#: without evidence, and after so many windows at least.
_TIMES, _FEWEST = 2.0, 30
#: While something lasts, evidence for it is what calm machines show once in so many times the wait for calm.
_CONFIDENT = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """A chart of a machine has found drift, or finds it over."""

    machine: int
    chart: int
    active: bool
    evidence: float
    threshold: float
    age: int
    since: float
    """Event time, microseconds."""
    shift: float
    """Mean of the standardised values since then; NaN where no value counts."""


def judge(
    fleet: Fleet, machines: npt.NDArray[np.int64], watched: npt.NDArray[np.int64], patience: float
) -> list[Change]:
    """Compare the evidence of machines that had a window with what is enough; note what comes of it.

    Args:
        fleet: its machines' evidence; begins afresh where it was enough.
        machines: rows of the fleet.
        watched: charts that are watched, of each of them.
        patience: average run length promised, windows.
    """
    evidence = fleet.moments[machines, 0].mean(axis=-1)
    over = _settle(fleet, machines, evidence, watched, patience)
    fresh = np.where(fleet.active[machines], 0.0, evidence)
    begun = []
    for row in np.flatnonzero(fresh.max(axis=1) >= patience):  # rare: false alarms and drift
        named, threshold = enough(fresh[row], int(watched[row]), patience)
        begun += [_begin(fleet, int(machines[row]), int(chart), threshold) for chart in named]
    return over + begun


def _settle(
    fleet: Fleet,
    machines: npt.NDArray[np.int64],
    evidence: Floats,
    watched: npt.NDArray[np.int64],
    patience: float,
) -> list[Change]:
    """See whether drift that was found goes on: there is evidence for it again, or none for so long that it is over."""
    if not (active := fleet.active[machines]).any():
        return []
    bar = np.minimum(_CONFIDENT * fleet.calm[machines], (watched * patience)[:, None])
    for row, chart in np.argwhere(active & (evidence >= bar)):
        _afresh(fleet, int(machines[row]), int(chart))
    calm = np.argwhere(active & (fleet.quiet[machines] >= fleet.calm[machines]))
    return [_end(fleet, int(machines[row]), int(chart), float(bar[row, chart])) for row, chart in calm]


def _begin(fleet: Fleet, machine: int, chart: int, threshold: float) -> Change:
    weight, time, count, total = fleet.moments[machine, :, chart].mean(axis=-1).tolist()
    stream = chart % fleet.count.shape[1]
    windows = max(1.0, float(fleet.count[machine, stream]) - count / weight)
    shift = (float(fleet.total[machine, stream]) - total / weight) / windows
    since = min(time / weight, float(fleet.last[machine]))
    change = Change(machine, chart, True, weight, threshold, int(fleet.age[machine, chart]), since, shift)
    fleet.active[machine, chart] = True
    fleet.calm[machine, chart] = max(_FEWEST, round(_TIMES * windows))
    _afresh(fleet, machine, chart)
    return change


def _end(fleet: Fleet, machine: int, chart: int, threshold: float) -> Change:
    evidence = float(fleet.moments[machine, 0, chart].mean())
    fleet.active[machine, chart] = False
    since = float(fleet.heard[machine, chart])
    return Change(machine, chart, False, evidence, threshold, int(fleet.age[machine, chart]), since, np.nan)


def _afresh(fleet: Fleet, machine: int, chart: int) -> None:
    """Begin a chart's evidence again; what was found has just been heard of."""
    fleet.moments[machine, :, chart] = 0
    fleet.age[machine, chart] = fleet.quiet[machine, chart] = 0
    fleet.heard[machine, chart] = fleet.last[machine]
