"""What model families have in common: a normal period in, a model out that scores, explains and exports itself.

The scores of all families are on one scale: 1 is about the 99 % quantile of normal windows that the model was not
fitted on, so below 1 there is no reason for an alarm. (PCA adds two statistics that are 1 each there.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.trainer.scaling import Float64, Scaling

#: Quantile of the calibration windows' scores that counts as their limit.
LIMIT_QUANTILE = 0.99
#: Smallest limit, per feature: movement by a hundredth of a standard deviation is noise. Without it, two features that
#: are always equal would raise an alarm at the first rounding error between them.
LIMIT_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Effort:
    """How models are fitted that are fitted step by step; the others need no such settings.

    Attributes:
        seed: of everything random: the same seed and data give the same model on the same machine.
        epochs: passes over the windows, at most.
        patience: passes without progress on windows set aside after which fitting ends.
        learning_rate: step of the optimiser.
        device: where to compute: `auto` (CUDA if there is one), `cpu` or `cuda`.
        checkpoint: file that the state of the fit is written to after each pass, and taken up again from if it is
            there; None keeps none.
        progress: whether a progress bar is shown.
    """

    seed: int = 0
    epochs: int = 200
    patience: int = 20
    learning_rate: float = 1e-3
    device: str = "auto"
    checkpoint: Path | None = None
    progress: bool = False


DEFAULT_EFFORT = Effort()


@dataclass(frozen=True, slots=True)
class Period:
    """Windows of normal operation, of d features.

    Attributes:
        fit: ``[n, d]`` windows to learn from, NaN where missing; n >= 2; those of one asset in order of time.
        calibration: ``[m, d]`` later windows, for limits; fitted windows look closer to normal than any later one.
        names: the features' names.
        ignored: columns to leave out, with the reason.
        asset: ``[n]`` number of the asset of each fitted window; all of one asset if None.
        overlap: windows that follow a window and share samples with it.
    """

    fit: Float64
    calibration: Float64
    names: Sequence[str]
    ignored: Mapping[int, str] = field(default_factory=dict)
    asset: NDArray[np.int64] | None = None
    overlap: int = 0

    @property
    def age(self) -> Float64:
        """``[n]`` place of each fitted window in the period of its asset: 0 for the first, below 1 for the last."""
        asset = np.zeros(len(self.fit), np.int64) if self.asset is None else self.asset
        age = np.zeros(len(asset))
        for number in np.unique(asset):
            mine = np.flatnonzero(asset == number)
            age[mine] = np.arange(len(mine)) / len(mine)
        return age


class Model(Protocol):
    """A fitted model."""

    @property
    def scaling(self) -> Scaling:
        """What is normal for each feature."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Figures of the fit."""

    def contributions(self, matrix: Float64) -> Float64:
        """Return each feature's part ``[n, d]`` of the scores of windows ``[n, d]``; a row sums to its score."""

    def export(self) -> bytes:
        """Return the model as ONNX; raises TrainingError where the package onnx is missing."""


class Family(Protocol):
    """A way to learn normal."""

    def __call__(self, period: Period, effort: Effort) -> Model:
        """Fit a model; raises TrainingError where the period does not allow an honest one."""


def limit(scores: Float64, features: int) -> float:
    """Return what calibration *scores* ``[m]`` of a model of so many features are divided by."""
    return max(float(np.quantile(scores, LIMIT_QUANTILE)), LIMIT_FLOOR * features)
