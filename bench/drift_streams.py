"""Streams whose drift is known: autocorrelated, stationary, and six ways in which they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from andon.clock import SECOND

Floats = npt.NDArray[np.float64]

#: Samples before the first that counts, so that a process has forgotten its start.
_BEGIN = 2_000
#: Samples that the slow ramp takes, and standard deviations that it climbs.
_RAMP, _TOP = 2_000, 3.0
#: Sensors of the machine whose correlation breaks, and how their innovations go together before.
SENSORS, _TOGETHER = 4, 0.8


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which a process of variance 1 changes."""

    name: str
    added: Callable[[int], Floats]
    """Added to the samples after the change, for so many of them."""
    noisier: float = 1.0
    """Factor of the innovations after the change."""
    unrelated: bool = False
    """Whether the sensors' innovations go together no more."""


def _shift(size: float) -> Callable[[int], Floats]:
    return lambda count: np.full(count, size)


SCENARIOS = (
    Scenario("mean + 1 sd", _shift(1)),
    Scenario("mean + 2 sd", _shift(2)),
    Scenario("mean + 3 sd", _shift(3)),
    Scenario("variance doubled", _shift(0), noisier=2**0.5),
    Scenario("slow ramp", lambda count: np.minimum(np.arange(count) / _RAMP, 1.0) * _TOP),
    Scenario("correlation break", _shift(0), unrelated=True),
)


def stationary(phi: float, samples: int, streams: int, random: np.random.Generator) -> Floats:
    """Return AR(1) processes of variance 1 side by side, [samples, streams]."""
    return _process(phi, random.standard_normal((_BEGIN + samples, streams)))[_BEGIN:]


def changing(scenario: Scenario, phi: float, before: int, after: int, seeds: range) -> Floats:
    """Return machines that change after *before* samples, [before + after, machines, sensors].

    Only the scenario of correlation has more than one sensor.
    """
    sensors = SENSORS if scenario.unrelated else 1
    machines = [_innovations(np.random.default_rng(seed), _BEGIN + before, after, sensors, scenario) for seed in seeds]
    found = _process(phi, np.stack(machines, axis=1))[_BEGIN:]
    found[before:] += scenario.added(after)[:, None, None]
    return found


def frame(values: Floats, first: int, prefix: str = "") -> pl.DataFrame:
    """Return [samples, machines, sensors] as vectors of one a second, the first at second *first*."""
    samples, machines, sensors = values.shape
    columns = values.reshape(-1, sensors)
    return pl.DataFrame(
        {
            "asset": np.tile([f"{prefix}{i}" for i in range(machines)], samples),
            "time": np.repeat(np.arange(first, first + samples) * SECOND, machines),
            **{f"sensor_{i}": columns[:, i] for i in range(sensors)},
        }
    ).with_columns(regime=pl.lit(None, pl.String))


def _innovations(random: np.random.Generator, before: int, after: int, sensors: int, scenario: Scenario) -> Floats:
    own = random.standard_normal((before + after, sensors))
    shared = random.standard_normal((before + after, 1))
    mixed = np.sqrt(_TOGETHER) * shared + np.sqrt(1 - _TOGETHER) * own if scenario.unrelated else own
    return np.vstack([mixed[:before], scenario.noisier * own[before:]])


def _process(phi: float, innovations: Floats) -> Floats:
    values = innovations * np.sqrt(1 - phi**2)
    for i in range(1, len(values)):
        values[i] += phi * values[i - 1]
    return np.asarray(values)
