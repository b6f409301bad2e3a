"""Dense auto-encoder: features are squeezed through a few numbers and expected to come out as they went in.

What PCA does with straight lines, with curves (Kramer 1991, Nonlinear principal component analysis using
autoassociative neural networks).
"""

from __future__ import annotations

import numpy as np

from services.trainer.families.fitting import torch_seeded
from services.trainer.families.model import Effort, Period
from services.trainer.families.network import CUT, Network, learn
from services.trainer.scaling import fit_scaling

#: Numbers that features are squeezed into, as a share of the features.
SQUEEZE = 0.25


def fit_dense(period: Period, effort: Effort) -> Network:
    """Learn normal.

    Raises:
        TrainingError: no feature has values that move, torch is not installed, or the fit diverges.
    """
    scaling = fit_scaling(period.fit, period.names, period.ignored, cut=CUT)
    used = np.flatnonzero(scaling.used)
    wide, narrow = max(8, len(used)), max(1, round(SQUEEZE * len(used)))
    nn = torch_seeded(effort).nn
    module = nn.Sequential(
        nn.Linear(len(used), wide),
        nn.ReLU(),
        nn.Linear(wide, narrow),
        nn.Linear(narrow, wide),
        nn.ReLU(),
        nn.Linear(wide, len(used)),
    )
    return learn("dense", module, scaling, (used, used), period, effort)
