"""One window of each of some machines becomes evidence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.drift.arrivals import Round
from services.drift.evidence import grow
from services.drift.fleet import Fleet
from services.drift.lookup import Lookup


def weigh(fleet: Fleet, lookup: Lookup, arrived: Round, models: npt.NDArray[np.int64], step: int) -> None:
    """Add what the windows say to the machines' state.

    Args:
        fleet: the machines.
        lookup: what is normal for them.
        arrived: the windows.
        models: row of the lookup for each window.
        step: time between a machine's windows, microseconds.
    """
    machine = arrived.machine
    standard = lookup.standard(models, arrived.values)
    scores = lookup.scores(models, standard, fleet.history[machine])
    stream = np.arange(scores.shape[1]) % standard.shape[1]  # of each chart; the joint one goes with the first
    origin = np.ones((len(machine), fleet.moments.shape[1], scores.shape[1]))
    origin[:, 1] = (arrived.time - step)[:, None]
    origin[:, 2], origin[:, 3] = fleet.count[machine][:, stream], fleet.total[machine][:, stream]
    fleet.moments[machine] = grow(
        fleet.moments[machine], origin, scores, lookup.tilts[models], lookup.cumulants[models]
    )
    scored = np.isfinite(scores)
    fleet.age[machine] += scored
    fleet.quiet[machine] += scored
    there = np.isfinite(standard)
    fleet.count[machine] += there
    fleet.total[machine] += np.where(there, standard, 0.0)
    fleet.history[machine] = np.concatenate([standard[:, None], fleet.history[machine][:, :-1]], axis=1)
