"""A calibration as arrays over models, so that many machines are a few numpy operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.drift.calibration import Calibration, Model
from services.drift.calibration import scores as scoring
from services.drift.calibration.scores import Norm
from services.drift.calibration.whitening import Floats, standardised

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lookup:
    """All models of a class; the first axis is the model, but for `precision`."""

    index: dict[tuple[str, str], int]
    """By asset and regime."""
    mean: Floats
    scale: Floats
    ar: Floats
    """[models, lags, streams]"""
    noise: Floats
    spread: Norm
    joint: Norm
    tilts: Floats
    cumulants: Floats
    """[models, charts, tilts]"""
    precision: Floats
    """[regimes, features, features]"""
    regime: Ints
    """[models]: row of `precision`."""

    @classmethod
    def of(cls, calibration: Calibration) -> Lookup:
        """Stack the models of a calibration."""
        regimes = {regime: i for i, regime in enumerate(calibration.precision)}
        models, order = list(calibration.models.values()), calibration.order
        return cls(
            index={key: i for i, key in enumerate(calibration.models)},
            mean=np.stack([model.whitening.mean for model in models]),
            scale=np.stack([model.whitening.scale for model in models]),
            ar=np.stack([_padded(model, order) for model in models]),
            noise=np.stack([model.whitening.noise for model in models]),
            spread=Norm(
                np.stack([model.spread_mean for model in models]), np.stack([model.spread_scale for model in models])
            ),
            joint=Norm(np.array([m.joint_mean for m in models]), np.array([m.joint_scale for m in models])),
            tilts=np.stack([model.tilts for model in models]),
            cumulants=np.stack([model.cumulants for model in models]),
            precision=np.stack(list(calibration.precision.values())),
            regime=np.array([regimes[regime] for _, regime in calibration.models]),
        )

    def standard(self, model: Ints, values: Floats) -> Floats:
        """Return [rows, streams] in standard deviations of each row's model."""
        return standardised(values, self.mean[model], self.scale[model])

    def scores(self, model: Ints, standard: Floats, history: Floats) -> Floats:
        """Return the scores of all charts, [rows, charts]; NaN where there is none.

        Args:
            model: of each row.
            standard: [rows, streams].
            history: [rows, lags, streams]: the standardised values before, nearest first.
        """
        ar = self.ar[model]
        residual = standard - np.where(ar == 0, 0.0, ar * history).sum(axis=1)
        level = scoring.level(residual, self.noise[model])
        spread = Norm(self.spread.mean[model], self.spread.scale[model])(level**2)
        joint = Norm(self.joint.mean[model], self.joint.scale[model])(self._distance(model, level))
        return np.column_stack([level, spread, joint])

    def _distance(self, model: Ints, level: Floats) -> Floats:
        features, regime = self.precision.shape[-1], self.regime[model]
        found = np.full(len(level), np.nan)
        for each in range(len(self.precision)):
            rows = regime == each
            found[rows] = scoring.distance(level[rows, :features], self.precision[each])
        return found


def _padded(model: Model, order: int) -> Floats:
    ar = model.whitening.ar
    return np.vstack([ar, np.zeros((order - len(ar), ar.shape[1]))])
