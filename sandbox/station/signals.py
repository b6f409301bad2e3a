"""Linear recurrences over time, computed for all samples at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Axis 0 is time; axis 1, where there is one, is pumps."""

#: A quantity that is the same for all pumps, or one value a pump (shape (pumps,)).
PerPump = float | Array

#: Weights below this are lost in a float's 53 bits.
_NEGLIGIBLE = 1e-17


def first_order_lag(values: Array, time_constant: float, step: float) -> Array:
    """Return the response of ``T dy/dt = x - y`` to *values*, held constant between samples.

    Args:
        values: the input x; y starts at rest at its first value.
        time_constant: T, seconds; 0 follows the input at once.
        step: seconds between samples.
    """
    if time_constant <= 0:
        return values.copy()
    decay = math.exp(-step / time_constant)
    drive = (1 - decay) * values
    drive[0] = values[0]
    return _decaying_sum(drive, decay)


def coloured_noise(rng: np.random.Generator, shape: tuple[int, ...], time_constant: float, step: float) -> Array:
    """Return stationary noise of unit variance whose autocorrelation decays as ``exp(-t/T)`` (Ornstein-Uhlenbeck).

    Args:
        rng: source of randomness.
        shape: (time, ...).
        time_constant: T, seconds, above 0.
        step: seconds between samples.
    """
    decay = math.exp(-step / time_constant)
    drive = rng.standard_normal(shape)
    drive[1:] *= math.sqrt(1 - decay**2)
    return _decaying_sum(drive, decay)


def _decaying_sum(drive: Array, decay: float) -> Array:
    """Return ``y[i] = decay y[i-1] + drive[i]``, by log2(n) passes (prefix scan: Hillis and Steele, CACM 29, 1986)."""
    result = drive.copy()
    span = 1
    while span < len(result) and decay**span > _NEGLIGIBLE:
        result[span:] += decay**span * result[:-span]
        span *= 2
    return result
