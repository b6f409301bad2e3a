"""Spectra of many even signals at once. Each row's result depends on that row alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from andon.clock import SECOND
from andon.features.samples import WindowSamples
from andon.features.segments import Floats, Ints

#: Bins with a smaller share of the largest bin's power hold nothing but rounding errors.
_NOISE = 1e-12
#: Short spectra that overlap by half, in a signal of the fewest samples that have a spectral kurtosis.
_FEWEST_SPECTRA = 8


@dataclass(frozen=True, slots=True)
class Spectrum:
    """One-sided power spectra.

    Attributes:
        hertz: [bins] frequency of each.
        highest_hz: half the rate: what is above cannot be told.
        power: [signals, bins] mean square of the signal in each bin; they sum to its variance.
    """

    hertz: Floats
    highest_hz: float
    power: Floats

    @classmethod
    def of(cls, signals: Floats, rate_hz: float) -> Spectrum:
        """Return the periodograms of signals [signals, samples], mean removed, with a periodic Hann window."""
        length = signals.shape[-1]
        window = _hann(length)
        found: Floats = _squares(np.fft.rfft(centred(signals) * window)) / (length * np.sum(np.square(window)))
        found[:, 1 : (length + 1) // 2] *= 2  # all but 0 and half the rate stand for negative frequencies, too
        hertz: Floats = np.arange(found.shape[-1]) * (rate_hz / length)
        return cls(hertz, rate_hz / 2, found)

    def energies(self, bands_hz: Sequence[tuple[float, float]]) -> Floats:
        """Return the mean square in each band, [bands, signals]; NaN for one that they do not reach or resolve."""
        return np.stack([self._energy(low, high) for low, high in bands_hz])

    def _energy(self, low: float, high: float) -> Floats:
        first, last = np.searchsorted(self.hertz, (low, high))
        if first == last or high > self.highest_hz:
            return np.full(len(self.power), np.nan)
        energy: Floats = self.power[:, first:last].sum(axis=-1)
        return energy

    def centroid(self) -> Floats:
        """Return the mean frequency, weighted by power, [signals]; NaN without any power."""
        centroid: Floats = (self.power * self.hertz).sum(axis=-1) / self.power.sum(axis=-1)
        return centroid


def kurtosis(signals: Floats, segment: int) -> Floats:
    """Return the largest spectral kurtosis of signals [signals, samples] over the bins of short spectra, [signals]."""
    if signals.shape[-1] < segment // 2 * (_FEWEST_SPECTRA + 1):
        return np.full(len(signals), np.nan)
    parts = np.lib.stride_tricks.sliding_window_view(centred(signals), segment, axis=-1)[:, :: segment // 2]
    squares = _squares(np.fft.rfft(parts * _hann(segment)))[..., 1 : (segment + 1) // 2]
    mean = squares.mean(axis=1)
    loud = mean > _NOISE * mean.max(axis=-1, keepdims=True)
    found = np.where(loud, np.square(squares).mean(axis=1) / np.square(mean) - 2, np.nan)
    largest: Floats = np.fmax.reduce(found, axis=-1)
    return largest


def envelope(signals: Floats, rate_hz: float, carrier_hz: tuple[float, float]) -> Floats:
    """Return the magnitude of the analytic signals, cut to a band of their frequencies, [signals, samples]."""
    length = signals.shape[-1]
    hertz = np.fft.fftfreq(length, 1 / rate_hz)
    carried = (hertz > 0) & (hertz >= carrier_hz[0]) & (hertz < carrier_hz[1])
    analytic = np.fft.ifft(np.fft.fft(centred(signals)) * np.where(carried, 2.0, 0.0))
    return np.sqrt(_squares(analytic))


def even(values: Floats, samples: WindowSamples, rate_hz: float, coverage: float) -> tuple[Ints, Floats]:
    """Lay the good samples of windows on an even grid that begins with the first of them.

    Args:
        values: (n) NaN where not good.
        samples: the windows.
        rate_hz: steps of the grid a second; each sample goes to the nearest, of two the later one counts.
        coverage: share of a window's steps that must have a sample.

    Returns:
        Numbers of the windows with enough samples, and their signals [those windows, steps], what lacks interpolated.
    """
    length, segments = round(samples.window * rate_hz / SECOND), samples.segments
    good = ~np.isnan(values)
    enough = np.flatnonzero(segments.count(good) >= max(1.0, coverage * length))
    row = np.full(len(segments.starts), -1)
    row[enough] = np.arange(len(enough))
    first = segments.smallest(np.where(good, samples.seconds, np.nan))
    step = np.rint((samples.seconds - segments.spread(first)) * rate_hz)
    row_of_sample = np.repeat(row, segments.lengths)
    placed = good & (row_of_sample >= 0) & (step < length)
    signals = np.full((len(enough), length), np.nan)
    signals[row_of_sample[placed], step[placed].astype(np.int64)] = values[placed]
    covered = np.mean(~np.isnan(signals), axis=-1) >= coverage
    return enough[covered], _interpolated(signals[covered])


def centred(signals: Floats) -> Floats:
    """Return *signals* less their means; a constant is then exactly 0."""
    mean = signals.mean(axis=-1, keepdims=True)
    low, high = signals.min(axis=-1, keepdims=True), signals.max(axis=-1, keepdims=True)
    found: Floats = signals - np.clip(mean, low, high)
    return found


def _interpolated(signals: Floats) -> Floats:
    """Return *signals* with what is NaN on the line between its neighbours, or as the only one that it has."""
    place = np.arange(signals.shape[-1])
    # One by one: only the few signals with a gap, and numpy interpolates no matrix.
    for row in np.flatnonzero(np.isnan(signals).any(axis=-1)):
        good = ~np.isnan(signals[row])
        signals[row] = np.interp(place, place[good], signals[row, good])
    return signals


def _hann(length: int) -> Floats:
    window: Floats = 0.5 - 0.5 * np.cos(2 * np.pi / length * np.arange(length))
    return window


def _squares(spectrum: np.ndarray[tuple[int, ...], np.dtype[np.complex128]]) -> Floats:
    squares: Floats = np.square(spectrum.real) + np.square(spectrum.imag)
    return squares
