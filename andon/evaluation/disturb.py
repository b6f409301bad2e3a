"""Records spoiled on purpose: how far a detector can be trusted when the data gets worse.

Each function returns a changed copy of values ``[n, d]`` (NaN where missing).
"""

from __future__ import annotations

import numpy as np

from andon.evaluation.record import Floats

#: Levels at which robustness is measured: noise in standard deviations, missing samples as a share.
NOISE_LEVELS = (0.0, 0.1, 0.25, 0.5, 1.0)
MISSING_SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)


def with_noise(values: Floats, level: float, spread: Floats, random: np.random.Generator) -> Floats:
    """Add normal noise of *level* times each column's normal *spread* ``[d]``."""
    return values + level * spread * random.normal(size=values.shape)


def with_gaps(values: Floats, share: float, random: np.random.Generator) -> Floats:
    """Take out a *share* of single samples at random."""
    return np.where(random.uniform(size=values.shape) < share, np.nan, values)


def with_dead_sensor(values: Floats, column: int) -> Floats:
    """Let a sensor stand still at its first value, as one that hangs does."""
    dead = values.copy()
    dead[:, column] = values[0, column]
    return dead
