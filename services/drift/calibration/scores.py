"""Scores: bounded numbers, one a window and chart, of mean 0 and spread 1 in the reference.

A chart watches one property of one stream: its `level` and its `spread`; `joint` watches all features of a machine
together: how far their residuals are from the pattern that they had, whatever each of them does by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.drift.calibration.whitening import Floats

#: No window says more than this; one wild value is an anomaly, not a drift.
LIMIT = 4.0
#: Weight of 'all features are unrelated' in the correlation of residuals, so that it can be inverted.
_SHRINKAGE = 0.02


@dataclass(frozen=True, slots=True)
class Norm:
    """Mean and standard deviation that make a quantity a score, along its last axis."""

    mean: Floats
    scale: Floats

    def __call__(self, quantity: Floats) -> Floats:
        """Return the quantity as a score; NaN where there is none, or it did not vary."""
        with np.errstate(divide="ignore", invalid="ignore"):
            score = (quantity - self.mean) / self.scale
        return np.where(self.scale > 0, np.clip(score, -LIMIT, LIMIT), np.nan)


def norm(quantity: Floats) -> Norm:
    """Return mean and standard deviation of [rows, ...] over the rows with a value."""
    present = np.isfinite(quantity)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, quantity, 0.0).sum(axis=0) / count
    square = np.where(present, quantity - mean, 0.0) ** 2
    return Norm(mean, np.sqrt(square.sum(axis=0) / count))


def level(residual: Floats, noise: Floats) -> Floats:
    """Return the scores of the level charts, of residuals [..., streams]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score = residual / noise
    return np.where(noise > 0, np.clip(score, -LIMIT, LIMIT), np.nan)


def distance(scores: Floats, precision: Floats) -> Floats:
    """Return the squared Mahalanobis distance of level scores [rows, features]; NaN where a feature is missing."""
    return np.asarray((scores @ precision * scores).sum(axis=1))


def precision(scores: Floats) -> Floats:
    """Return the inverse of the correlation of level scores [rows, features], over the rows without a gap."""
    whole = scores[np.isfinite(scores).all(axis=1)]
    count = scores.shape[1]
    if len(whole) <= count:
        return np.zeros((count, count))
    shrunk = (1 - _SHRINKAGE) * np.cov(whole, rowvar=False).reshape(count, count) + _SHRINKAGE * np.eye(count)
    return np.asarray(np.linalg.inv(shrunk))
