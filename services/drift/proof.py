"""What keeps its promise on windows that it was not made of. Pure.

Thresholds rest on an assumption: that in the reference, surprises come as independently as they will later. A machine
whose restlessness follows its load breaks it, and no figure of the whole period shows that. So a calibration of the
earlier part of the reference watches the later part, where nothing has changed by definition: what it finds there is
false, and what finds it is not used for the class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from andon.errors import DriftError
from services.drift.calibration import Calibration, calibrate, contract
from services.drift.finding import Finding
from services.drift.monitor import Monitor

#: Share of each machine's windows, the earlier ones, that the calibration on trial is made of.
_EARLIER = 0.6
#: Detectors of restlessness share the assumption for all subjects; one of levels stands for itself.
_TOGETHER = frozenset({"spread", "joint"})


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a trial.

    Attributes:
        failed: detector and subject of what is not used; an empty subject stands for all.
        achieved: false alarms of a machine in 30 days, of what is used; None where there was too little for a trial.
    """

    failed: frozenset[tuple[str, str]] = frozenset()
    achieved: float | None = None

    def fails(self, detector: str, subject: str) -> bool:
        """Return whether a chart is not used."""
        return (detector, subject) in self.failed or (detector, "") in self.failed


def prove(reference: pl.DataFrame, false_alarms: float, step: int) -> Proof:
    """Watch the later part of a reference with what the earlier part says; arguments as of `calibrate`."""
    earlier = pl.int_range(pl.len()).over("asset") < _EARLIER * pl.len().over("asset")
    later = reference.filter(~earlier)
    try:
        monitor = Monitor(calibrate(reference.filter(earlier), false_alarms, step))
    except DriftError:
        return Proof()
    found = [finding for finding in monitor.update(later) if finding.active and finding.e_value is not None]
    proof = Proof(frozenset(_charge(finding) for finding in found))
    left = [finding for finding in found if not proof.fails(finding.detector, finding.subject)]
    periods = later.height * step / contract.PERIOD
    return replace(proof, achieved=len(left) / periods if periods else None)


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
