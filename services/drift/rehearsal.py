"""What a contract is worth: the false alarms of a reference's second half, judged by its first."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from andon.errors import DriftError
from services.drift.calibration import calibrate
from services.drift.calibration.contract import PERIOD
from services.drift.monitor import Monitor

#: False alarms that would be expected of a second half under the contract of a rehearsal, at most.
_EXPECTED = 20.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a stricter contract was kept; a short reference cannot show one alarm in 30 days."""

    alarms: int
    """Machines' changes to drift in the second half."""
    allowed: float
    """How many the rehearsed contract allows there."""
    unsettled: tuple[tuple[str, str], ...]
    """Machine and subject of the drift that was found and not over at the end: the reference drifts by itself."""

    @property
    def ratio(self) -> float:
        """Alarms as a share of those allowed; well above 1, the reference has changed by itself, again and again."""
        return self.alarms / self.allowed


def rehearse(reference: pl.DataFrame, step: int) -> Rehearsal | None:
    """Calibrate with each machine's first half, and count what is found in its second.

    What is counted there is false if the period was as normal as it was said to be. No half that it is judged by is
    looked at before, so errors of the reference's own figures count as they will in service.

    Args:
        reference: as for `calibrate`.
        step: time between a machine's windows, microseconds.

    Returns:
        None where a half is too short to calibrate with, or nothing in it is watched.
    """
    ordered = reference.sort("asset", "time")
    first = pl.int_range(pl.len()).over("asset") < pl.len().over("asset") // 2
    learned, judged = ordered.filter(first), ordered.filter(~first)
    try:
        calibration = calibrate(learned, _EXPECTED * PERIOD / (step * max(1, judged.height)), step)
    except DriftError:
        return None
    monitor = Monitor(calibration)
    watched = judged.filter(pl.col("asset").is_in([name for name in judged["asset"].unique() if monitor.watches(name)]))
    if watched.is_empty():
        return None
    found = [finding for finding in monitor.update(watched) if finding.detector not in ("missing", "regime")]
    last = {(finding.asset, finding.detector, finding.subject): finding.active for finding in found}
    return Rehearsal(
        alarms=len({(finding.asset, finding.time) for finding in found if finding.active}),
        allowed=_EXPECTED * watched.height / judged.height,
        unsettled=tuple(sorted({(asset, subject) for (asset, _, subject), active in last.items() if active})),
    )
