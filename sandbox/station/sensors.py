"""From what is true to what is read: lag, noise, quantisation, gaps, and sensors at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.station.faults import Fault, FaultKind
from sandbox.station.model import State, Station
from sandbox.station.signals import Array, first_order_lag

#: A 4-20 mA transmitter tells of its failure by a current outside 3.6 to 21 mA (NAMUR NE 43): share of its span.
_FAILED_LOW, _FAILED_HIGH = -0.025, 1.0625
#: Share of samples that a loose contact hits.
_SPIKE_RATE = 0.15
#: Share of its span by which a drifting sensor is off in the end: enough to leave its range.
_DRIFT = 1.1


@dataclass(frozen=True, slots=True)
class Sensor:
    """One transmitter, in the unit of its tag."""

    low: float
    """Lower end of its range."""
    high: float
    """Upper end of its range."""
    noise: float
    """Standard deviation of one reading."""
    decimals: int
    """Readings are rounded to so many."""
    lag: float = 0.0
    """Damping time constant, s."""
    relative_noise: float = 0.0
    """Further noise, share of the reading (an RMS over one second is itself an estimate)."""

    def read(self, rng: np.random.Generator, true: Array, step: float) -> Array:
        """Return readings of *true*, before rounding."""
        lagged = first_order_lag(true, self.lag, step)
        return lagged + rng.standard_normal(true.shape) * (self.noise + self.relative_noise * lagged)

    def quantise(self, readings: Array) -> Array:
        """Return *readings* as the transmitter can send them: limited to its failure signals, rounded."""
        span = self.high - self.low
        limited = np.clip(readings, self.low + _FAILED_LOW * span, self.low + _FAILED_HIGH * span)
        return np.round(limited, self.decimals)


#: Tag name to sensor, in the order of the plant model, which gives the same ranges.
SENSORS: dict[str, Sensor] = {
    "speed": Sensor(0.0, 1_800.0, noise=0.6, decimals=1),
    "flow": Sensor(0.0, 250.0, noise=0.6, decimals=2, lag=2.0),
    "suction_pressure": Sensor(0.0, 2.5, noise=0.0015, decimals=4, lag=0.2),
    "discharge_pressure": Sensor(0.0, 6.0, noise=0.005, decimals=4, lag=0.2),
    "power": Sensor(0.0, 40.0, noise=0.05, decimals=3, lag=0.5),
    "current": Sensor(0.0, 80.0, noise=0.1, decimals=2, lag=0.5),
    "bearing_temperature": Sensor(-20.0, 150.0, noise=0.08, decimals=2, lag=5.0),
    "vibration": Sensor(0.0, 25.0, noise=0.02, decimals=3, relative_noise=0.04),
    "level": Sensor(0.0, 6.0, noise=0.004, decimals=4, lag=1.0),
    "water_temperature": Sensor(-5.0, 50.0, noise=0.03, decimals=2, lag=10.0),
}


def true_values(station: Station, state: State, water: Array) -> dict[str, Array]:
    """Return what each tag's sensor is exposed to, in the tag's unit, each of shape (time, pumps)."""
    shape = state.flow.shape
    return {
        "speed": state.speed * station.motor.rated_rpm,
        "flow": state.flow * 3_600.0,
        "suction_pressure": state.suction_pressure / 1e5,
        "discharge_pressure": state.discharge_pressure / 1e5,
        "power": state.electrical_power / 1e3,
        "current": state.current,
        "bearing_temperature": state.bearing_temperature,
        "vibration": state.vibration,
        "level": np.broadcast_to(state.level, shape),
        "water_temperature": np.broadcast_to(water, shape),
    }


def measure(
    rng: np.random.Generator, true: Mapping[str, Array], faults: Sequence[Fault], time: Array, missing: float
) -> dict[str, Array]:
    """Return the readings of all sensors; NaN is a missing sample.

    Args:
        rng: source of randomness.
        true: what each sensor is exposed to, shape (time, pumps).
        faults: sensor faults are applied, process faults are in *true* already.
        time: seconds after the start of the live part, evenly spaced.
        missing: probability that a sample is lost without any fault.
    """
    step = float(time[1] - time[0])
    fault_rng = rng.spawn(1)[0]  # of its own, so that a fault changes no other reading
    readings = {}
    for tag, values in true.items():
        sensor = SENSORS[tag]
        read = sensor.read(rng, values, step)
        lost = rng.random(read.shape) < missing
        for fault in faults:
            if fault.tag == tag:
                span = slice(*np.searchsorted(time, (fault.start, fault.end)))
                read[span, fault.pump] = _faulty(fault_rng, fault.kind, read[span, fault.pump], sensor)
        readings[tag] = np.where(lost, np.nan, sensor.quantise(read))
    return readings


def _faulty(rng: np.random.Generator, kind: FaultKind, readings: Array, sensor: Sensor) -> Array:
    """Return what a sensor at fault makes of sound *readings*, from the fault's start to its end."""
    span = sensor.high - sensor.low
    if kind is FaultKind.SENSOR_STUCK:
        return np.repeat(readings[:1], len(readings))
    if kind is FaultKind.SENSOR_DRIFT:
        return readings + _DRIFT * span * np.linspace(0.0, 1.0, len(readings))
    if kind is FaultKind.SENSOR_DROPOUT:
        return np.full_like(readings, np.nan)
    anywhere = sensor.low + span * rng.uniform(_FAILED_LOW, _FAILED_HIGH, len(readings))
    return np.where(rng.random(len(readings)) < _SPIKE_RATE, anywhere, readings)
