"""Streams that are no autoregressive process of normal noise, as real ones are not: who keeps the contract there?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.drift_streams import Floats

#: Samples before the first that counts.
_BEGIN = 500
#: Length of a cycle, and of windows that overlap, in samples.
_CYCLE, _WINDOW = 120, 10

Law = Callable[[np.random.Generator, int, int], Floats]


def _recursion(innovations: Floats, phi: float) -> Floats:
    values = innovations.copy()
    for i in range(1, len(values)):
        values[i] += phi * values[i - 1]
    return np.asarray(values[_BEGIN:])


def _heavy(random: np.random.Generator, samples: int, streams: int) -> Floats:
    return _recursion(random.standard_t(3, (_BEGIN + samples, streams)), 0.7)


def _skewed(random: np.random.Generator, samples: int, streams: int) -> Floats:
    return np.asarray(np.exp(0.6 * _recursion(random.standard_normal((_BEGIN + samples, streams)), 0.8)))


def _coarse(random: np.random.Generator, samples: int, streams: int) -> Floats:
    return np.round(1.5 * _recursion(random.standard_normal((_BEGIN + samples, streams)), 0.5))


def _moving(random: np.random.Generator, samples: int, streams: int) -> Floats:
    noise = random.standard_normal((_BEGIN + samples + 1, streams))
    return _recursion(noise[1:] + 0.7 * noise[:-1], 0.8)


def _cyclic(random: np.random.Generator, samples: int, streams: int) -> Floats:
    phase = 2 * np.pi * (np.arange(samples)[:, None] / _CYCLE + random.uniform(0, 1, streams))
    return np.asarray(3 * np.sin(phase) + _recursion(random.standard_normal((_BEGIN + samples, streams)), 0.3))


def _overlapping(random: np.random.Generator, samples: int, streams: int) -> Floats:
    total = np.cumsum(random.standard_normal((samples + _WINDOW, streams)), axis=0)
    return np.asarray((total[_WINDOW:] - total[:-_WINDOW]) / _WINDOW)


def _restless(random: np.random.Generator, samples: int, streams: int) -> Floats:
    values, variance = np.zeros((_BEGIN + samples, streams)), np.ones(streams)
    for i in range(1, len(values)):
        variance = 0.1 + 0.1 * values[i - 1] ** 2 + 0.8 * variance
        values[i] = np.sqrt(variance) * random.standard_normal(streams)
    return values[_BEGIN:]


#: By name; each makes [samples, streams].
LAWS: dict[str, Law] = {
    "heavy tails (t with 3 degrees, phi .7)": _heavy,
    "skewed (log-normal, phi .8 of the logarithm)": _skewed,
    "coarse (rounded to two thirds of a deviation)": _coarse,
    "moving average (ARMA 1,1)": _moving,
    "a cycle of 120 samples with noise": _cyclic,
    "means of windows that overlap by nine tenths": _overlapping,
    "restlessness that comes and goes (GARCH .1, .8)": _restless,
}
