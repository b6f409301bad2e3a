"""Whitening: what an autoregressive model of the reference does not foresee is what can tell of change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Longest memory of a model, windows.
MAX_ORDER = 20
#: Values further out than this count as this far out, in standard deviations: no single value upsets a filter.
FAR = 50.0
#: Rows of reference for each coefficient that may be fitted.
_ROWS_PER_LAG = 50


@dataclass(frozen=True, slots=True)
class Whitening:
    """Autoregressive models of streams side by side; a stream that does not vary has scale 0 and no residuals."""

    mean: Floats
    """[streams], in the streams' units."""
    scale: Floats
    """[streams]: standard deviation."""
    ar: Floats
    """[lags, streams]: coefficients of the standardised values before, nearest first; 0 beyond a stream's order."""
    noise: Floats
    """[streams]: standard deviation of the residuals, of standardised values."""

    @property
    def gain(self) -> Floats:
        """How far a lasting shift of the stream by its standard deviation moves the residuals, in theirs; [streams]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.noise > 0, np.maximum(1 - self.ar.sum(axis=0), 0.0) / self.noise, 0.0)


def fit(values: Floats) -> Whitening:
    """Fit a model to each column, its order by the Bayesian information criterion (Schwarz 1978).

    Yule-Walker equations by Levinson and Durbin's recursion, which is stable by construction, for all columns at once.

    Args:
        values: [rows, streams] in time order, NaN where there is no value; a row of NaN where time is broken.
    """
    present = np.isfinite(values)
    count = np.maximum(present.sum(axis=0), 1)
    held = np.where(present, values, 0.0)
    mean = held.sum(axis=0) / count
    scale = np.sqrt((np.where(present, values - mean, 0.0) ** 2).sum(axis=0) / count)
    scale[scale <= 1e-12 * np.abs(mean)] = 0.0  # only rounding
    standard = standardised(values, mean, scale)
    ar = _levinson(_autocorrelation(standard, max(1, min(MAX_ORDER, len(values) // _ROWS_PER_LAG))), count)
    residual = residuals(standard, ar)
    left = np.isfinite(residual)
    square = np.where(left, residual, 0.0) ** 2
    return Whitening(mean, scale, ar, np.sqrt(square.sum(axis=0) / np.maximum(left.sum(axis=0), 1)))


def standardised(values: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return values in standard deviations from the mean, `FAR` at most; NaN where the scale is 0 or nothing is."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        standard = (values - mean) / scale
    return np.where(np.isfinite(values) & (scale > 0), np.clip(standard, -FAR, FAR), np.nan)


def residuals(standard: Floats, ar: Floats) -> Floats:
    """Return what the model does not foresee of [rows, streams]; NaN until as many values as its order came before."""
    unforeseen = standard.copy()
    for lag, coefficient in enumerate(ar, start=1):
        before = np.full_like(standard, np.nan)
        before[lag:] = standard[:-lag]
        unforeseen -= np.where(coefficient == 0, 0.0, coefficient * before)
    return unforeseen


def _autocorrelation(standard: Floats, lags: int) -> Floats:
    """Return the correlation of each column with itself, [lags + 1, streams], over the pairs that are there."""
    present = np.isfinite(standard)
    held = np.where(present, standard, 0.0)
    found = np.empty((lags + 1, standard.shape[1]))
    for lag in range(lags + 1):
        pairs = (present[lag:] & present[: len(present) - lag]).sum(axis=0)
        products = (held[lag:] * held[: len(held) - lag]).sum(axis=0)
        found[lag] = products / np.maximum(pairs, 1) * (1 - lag / len(standard))
    return np.asarray(found / np.where(found[0] > 0, found[0], 1.0))


def _levinson(correlation: Floats, count: npt.NDArray[np.int64]) -> Floats:
    """Solve the Yule-Walker equations for every order; keep each column's best, [longest order, streams]."""
    lags, streams = len(correlation) - 1, correlation.shape[1]
    ar, best = np.zeros((lags, streams)), np.zeros((lags, streams))
    error, criterion = np.ones(streams), np.zeros(streams)
    for order in range(1, lags + 1):
        foreseen = (ar[: order - 1] * correlation[order - 1 : 0 : -1]).sum(axis=0)
        reflection = np.clip((correlation[order] - foreseen) / error, -0.9999, 0.9999)
        ar[: order - 1] -= reflection * ar[: order - 1][::-1].copy()
        ar[order - 1] = reflection
        error = error * (1 - reflection**2)
        score = count * np.log(error) + order * np.log(count)
        better = score < criterion
        criterion = np.where(better, score, criterion)
        best[:, better] = ar[:, better]
    used = np.flatnonzero(best.any(axis=1))
    return best[: used[-1] + 1] if len(used) else best[:1]
