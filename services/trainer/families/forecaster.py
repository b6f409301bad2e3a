"""Forecaster: the last part of a window's series is expected from the parts before it.

A fault shows as a forecast error (Malhotra et al. 2015, Long short term memory networks for anomaly detection in time
series; with causal convolutions here). Slow changes within the reach of the series are forecast too, and so are no
error.
"""

from __future__ import annotations

from services.trainer.families.convolution import HIDDEN, causal
from services.trainer.families.fitting import torch_seeded
from services.trainer.families.model import Effort, Period
from services.trainer.families.network import CUT, Network, learn
from services.trainer.families.series import series_of
from services.trainer.scaling import fit_scaling


def fit_forecaster(period: Period, effort: Effort) -> Network:
    """Learn normal.

    Raises:
        TrainingError: the features hold no series that moves, torch is not installed, or the fit diverges.
    """
    scaling = fit_scaling(period.fit, period.names, period.ignored, cut=CUT)
    columns = series_of(period.names, scaling)
    past, last = columns[:, :-1], columns[:, -1]
    nn = torch_seeded(effort).nn
    module = nn.Sequential(
        nn.Unflatten(1, past.shape),
        *causal(nn, len(past), HIDDEN),
        *causal(nn, HIDDEN, HIDDEN),
        nn.Flatten(),
        nn.Linear(HIDDEN * past.shape[1], len(last)),
    )
    return learn("forecaster", module, scaling, (past.ravel(), last), period, effort)
