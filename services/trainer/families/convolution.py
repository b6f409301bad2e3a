"""Causal convolutional auto-encoder: a window's series is squeezed through few channels and expected back.

Each part is expected from itself and the parts before it (causal convolutions; Bai, Kolter and Koltun 2018, An
empirical evaluation of generic convolutional and recurrent networks for sequence modeling). Nothing looks ahead.
"""

from __future__ import annotations

from typing import Any

from services.trainer.families.fitting import torch_seeded
from services.trainer.families.model import Effort, Period
from services.trainer.families.network import CUT, Network, learn
from services.trainer.families.series import series_of
from services.trainer.scaling import fit_scaling

#: Channels of the hidden layers, and of the narrow one as a share of the tags.
HIDDEN, SQUEEZE = 16, 0.25
#: Parts that a convolution sees.
REACH = 3


def fit_convolution(period: Period, effort: Effort) -> Network:
    """Learn normal.

    Raises:
        TrainingError: the features hold no series that moves, torch is not installed, or the fit diverges.
    """
    scaling = fit_scaling(period.fit, period.names, period.ignored, cut=CUT)
    columns = series_of(period.names, scaling)
    tags, parts = columns.shape
    narrow = max(1, round(SQUEEZE * tags))
    nn = torch_seeded(effort).nn
    module = nn.Sequential(
        nn.Unflatten(1, (tags, parts)),
        *causal(nn, tags, HIDDEN),
        *causal(nn, HIDDEN, narrow)[:-1],
        *causal(nn, narrow, HIDDEN),
        nn.Conv1d(HIDDEN, tags, 1),
        nn.Flatten(),
    )
    return learn("convolution", module, scaling, (columns.ravel(), columns.ravel()), period, effort)


def causal(nn: Any, channels: int, out: int) -> list[Any]:
    """Return the layers of a convolution that sees a part and those before it, with an activation."""
    return [nn.ConstantPad1d((REACH - 1, 0), 0.0), nn.Conv1d(channels, out, REACH), nn.ReLU()]
