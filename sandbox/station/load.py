"""What is asked of the pumps, and the weather around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.station.signals import Array, first_order_lag


@dataclass(frozen=True, slots=True)
class Load:
    """Demand for water, as speed set-points of the drives."""

    day: float = 3_600.0
    """Period of the daily profile, s; a day of one hour lets a short training part see every load."""
    swing: float = 1.0
    """How far the daily profile goes up and down, share of what is usual; 0 is a constant demand."""
    step_interval: float = 240.0
    """Mean time between demand steps, when a large consumer opens or closes, s."""
    step_size: float = 0.3
    """Largest deviation that a step makes from the daily profile, share of full load."""
    ramp: float = 10.0
    """Time constant with which a drive follows its set-point, s."""
    lowest_speed: float = 0.74
    """Relative to rated; the least that lifts the water well."""
    highest_speed: float = 1.0
    """Relative to rated."""

    def setpoints(self, rng: np.random.Generator, time: Array, pumps: int, step: float) -> Array:
        """Return relative speed set-points, shape (time, pumps): every pump serves a district of its own."""
        demand = self.profile(time)[:, None] + self._steps(rng, (len(time), pumps), step)
        load = first_order_lag(np.clip(demand, 0.0, 1.0), self.ramp, step)
        return self.lowest_speed + (self.highest_speed - self.lowest_speed) * load

    def profile(self, time: Array) -> Array:
        """Return the daily demand for water, share of full load: a high morning peak and a lower evening peak."""
        angle = 2 * np.pi * time / self.day
        return np.asarray(0.55 + self.swing * (0.28 * np.sin(angle) + 0.14 * np.sin(2 * angle + 0.6)))

    def _steps(self, rng: np.random.Generator, shape: tuple[int, int], step: float) -> Array:
        """Return a level that jumps at random (Poisson) times, drawn anew at each jump."""
        jumps = rng.random(shape) < step / self.step_interval
        levels = rng.uniform(-self.step_size, self.step_size, (int(jumps.sum(axis=0).max()) + 1, shape[1]))
        return np.asarray(np.take_along_axis(levels, np.cumsum(jumps, axis=0), axis=0))


@dataclass(frozen=True, slots=True)
class Weather:
    """Temperatures around the pumps; they follow the same day as the load."""

    ambient: float = 20.0
    """degC"""
    ambient_swing: float = 1.5
    """K"""
    water: float = 14.0
    """degC"""
    water_swing: float = 0.4
    """K"""

    def ambient_temperature(self, time: Array, day: float) -> Array:
        """Return the air's temperature in the pump house, degC."""
        return self.ambient + self.ambient_swing * np.sin(2 * np.pi * time / day - 1.0)

    def water_temperature(self, time: Array, day: float) -> Array:
        """Return the raw water's temperature, degC; water follows the air late."""
        return self.water + self.water_swing * np.sin(2 * np.pi * time / day - 2.0)
