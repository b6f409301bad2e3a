"""What keeps its promise on windows that it was not made of. Pure.

Thresholds rest on an assumption: that in the reference, surprises come as independently as they will later. A machine
whose restlessness follows its load breaks it, and no figure of the whole period shows that. So a calibration of the
earlier part of the reference watches the later part, and the other way round. Nothing has changed there, by definition:
what is found is false, and what finds it is not used for the class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from andon.errors import DriftError
from services.drift.calibration import Calibration, calibrate
from services.drift.calibration.contract import PERIOD
from services.drift.finding import Finding
from services.drift.monitor import Monitor

#: Share of each machine's windows that the calibrations on trial are made of.
_LEARNED = 0.6
#: Detectors of restlessness share the assumption for all subjects; one of levels stands for itself.
_TOGETHER = frozenset({"spread", "joint"})


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a trial.

    Attributes:
        failed: detector and subject of what is not used; an empty subject stands for all.
    """

    failed: frozenset[tuple[str, str]] = frozenset()

    def fails(self, detector: str, subject: str) -> bool:
        """Return whether a chart is not used."""
        return (detector, subject) in self.failed or (detector, "") in self.failed


def prove(reference: pl.DataFrame, step: int) -> Proof:
    """Watch each end of a reference with what the rest of it says.

    By a looser contract than is to be kept, of one false alarm in all that is watched: a reference of some hours cannot
    show how one alarm in 30 days is kept, but what does not keep even that is found out. Now and then a sound detector
    is taken for such a one, which costs a little power and no false alarm.

    Args:
        reference: as for `calibrate`.
        step: time between a machine's windows, microseconds.

    Raises:
        DriftError: the reference is too short to be tried on itself, and what was not tried is not believed.
    """
    share = pl.int_range(pl.len()).over("asset") / pl.len().over("asset")
    ends = (share >= _LEARNED, share < 1 - _LEARNED)
    found = [finding for end in ends for finding in _tried(reference.filter(~end), reference.filter(end), step)]
    return Proof(frozenset(_charge(finding) for finding in found))


def _tried(learned: pl.DataFrame, watched: pl.DataFrame, step: int) -> list[Finding]:
    """Return what a calibration finds in windows that are as normal as those it was made of."""
    try:
        monitor = Monitor(calibrate(learned, PERIOD / (step * max(1, watched.height)), step))
    except DriftError as error:
        raise DriftError(f"too short for a trial of {_LEARNED:.0%} of it on the rest: {error}") from None
    return [finding for finding in monitor.update(watched) if finding.active and finding.e_value is not None]


def used(calibration: Calibration, proof: Proof) -> Calibration:
    """Return a calibration without what failed."""
    failed = np.array([proof.fails(chart.detector, chart.subject) for chart in calibration.charts])
    models = {
        key: replace(model, cumulants=np.where(failed[:, None], np.inf, model.cumulants))
        for key, model in calibration.models.items()
    }
    return replace(calibration, models=models)


def _charge(finding: Finding) -> tuple[str, str]:
    return finding.detector, "" if finding.detector in _TOGETHER else finding.subject
