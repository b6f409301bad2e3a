"""The station as one system: the parts of physics and machine, solved together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sandbox.station import physics
from sandbox.station.faults import Effects
from sandbox.station.machine import Bearing, Motor, Vibration
from sandbox.station.physics import Piping, Pump
from sandbox.station.signals import Array, first_order_lag

#: Rounds of the fixed point between flow, level, slip and cavitation; each shrinks the error about threefold,
#: so that the flow is exact to 1e-6 m3/s.
_ROUNDS = 10
#: Turbulence: relative change of the piping's resistance; cavitation makes the flow unsteady.
_TURBULENCE, _CAVITATING_TURBULENCE = 0.008, 0.15
#: Leakage through fully worn seals, share of best flow.
_WORN_LEAKAGE = 0.2


@dataclass(frozen=True, slots=True)
class WetWell:
    """The well that all pumps draw from; its inlet gate holds the level by proportional control."""

    area: float = 60.0
    """m2"""
    level: float = 3.0
    """Set-point, m above the floor."""
    gain: float = 0.15
    """Inflow added per metre below the set-point, m2/s."""
    inflow_per_pump: float = 0.04
    """Inflow at the set-point, m3/s and pump."""

    def levels(self, outflow: Array, step: float) -> Array:
        """Return the level, m, that ``A dh/dt = inflow - outflow`` gives; shape (time, 1).

        With the controller put in, this is a first-order lag of the flow with time constant A over gain.

        Args:
            outflow: of each pump, m3/s, shape (time, pumps).
            step: seconds between samples.
        """
        lacking = outflow.sum(axis=1, keepdims=True) - self.inflow_per_pump * outflow.shape[1]
        return self.level - first_order_lag(lacking / self.gain, self.area / self.gain, step)


@dataclass(frozen=True, slots=True)
class Station:
    """All parts; per-pump values differ by manufacturing tolerance."""

    pump: Pump = field(default_factory=Pump)
    piping: Piping = field(default_factory=Piping)
    well: WetWell = field(default_factory=WetWell)
    motor: Motor = field(default_factory=Motor)
    bearing: Bearing = field(default_factory=Bearing)
    vibration: Vibration = field(default_factory=Vibration)

    def with_tolerances(self, rng: np.random.Generator, pumps: int) -> Station:
        """Return the station with *pumps* pumps that differ as identical pumps do."""
        head, efficiency, friction, imbalance = rng.uniform(-1, 1, (4, pumps))
        return replace(
            self,
            pump=replace(
                self.pump,
                shutoff_head=self.pump.shutoff_head * (1 + 0.005 * head),
                best_efficiency=self.pump.best_efficiency * (1 + 0.005 * efficiency),
            ),
            bearing=replace(self.bearing, friction=self.bearing.friction * (1 + 0.03 * friction)),
            vibration=replace(self.vibration, imbalance=self.vibration.imbalance * (1 + 0.08 * imbalance)),
        )


@dataclass(frozen=True, slots=True)
class Conditions:
    """What acts on the station from outside; shape (time, pumps), weather (time, 1)."""

    setpoint: Array
    """Of speed, relative to rated."""
    ambient: Array
    """degC"""
    water: Array
    """degC"""
    turbulence: Array
    """Noise of unit variance."""
    bursts: Array
    """Intensity of cavitation noise around 1."""
    effects: Effects
    step: float
    """Seconds between samples."""


@dataclass(frozen=True, slots=True)
class State:
    """What is truly so, in SI units; shape (time, pumps)."""

    speed: Array
    """Relative to rated."""
    level: Array
    """Of the wet well, m, shape (time, 1)."""
    flow: Array
    """m3/s"""
    head: Array
    """m"""
    suction_pressure: Array
    """Pa, absolute."""
    npsh_available: Array
    """m"""
    npsh_required: Array
    """m"""
    cavitation: Array
    """``1 - NPSHa/NPSHr``, 0 without cavitation."""
    hydraulic_power: Array
    """W"""
    shaft_power: Array
    """W"""
    electrical_power: Array
    """W"""
    current: Array
    """A"""
    bearing_temperature: Array
    """degC"""
    vibration: Array
    """mm/s RMS"""

    @property
    def discharge_pressure(self) -> Array:
        """Between pump and outlet valve, Pa, absolute; both nozzles have one diameter, so velocity heads cancel."""
        return self.suction_pressure + physics.DENSITY * physics.GRAVITY * self.head

    @property
    def efficiency(self) -> Array:
        """Hydraulic over shaft power."""
        return self.hydraulic_power / self.shaft_power


@dataclass(frozen=True, slots=True)
class _Hydraulics:
    flow: Array
    head: Array
    suction_pressure: Array
    available: Array
    required: Array
    shaft_power: Array

    @property
    def cavitation(self) -> Array:
        return physics.cavitation(self.available, self.required)


def run(station: Station, conditions: Conditions) -> State:
    """Return the station's state under *conditions*.

    Flow depends on level, slip and cavitation, and these on flow: a weakly coupled fixed point, iterated over
    the whole course of time at once.
    """
    shape = conditions.setpoint.shape
    speed, level, bubbles = conditions.setpoint, np.full((shape[0], 1), station.well.level), np.zeros(shape)
    for _ in range(_ROUNDS):
        hydraulics = _hydraulics(station, conditions, speed, level, bubbles)
        bubbles = hydraulics.cavitation
        torque = station.motor.torque(hydraulics.shaft_power, speed)
        speed = station.motor.speed(conditions.setpoint, torque)
        level = station.well.levels(hydraulics.flow, conditions.step)
    return _state(station, conditions, speed, level, hydraulics)


def _hydraulics(station: Station, conditions: Conditions, speed: Array, level: Array, bubbles: Array) -> _Hydraulics:
    pump, piping, effects = station.pump, station.piping, conditions.effects
    leakage, loss = _WORN_LEAKAGE * effects.wear, physics.cavitation_head_loss(bubbles)
    unsteady = 1 + (_TURBULENCE + _CAVITATING_TURBULENCE * bubbles) * conditions.turbulence
    static = piping.static_head(level) + effects.strainer_loss
    flow = physics.operating_flow(pump, speed, static, piping.resistance(effects.opening) * unsteady, leakage, loss)
    vapour = physics.vapour_pressure(conditions.water)
    suction = piping.suction_pressure(level, flow, effects.strainer_loss, vapour)
    return _Hydraulics(
        flow=flow,
        head=(1 - loss) * physics.pump_head(pump, speed, flow, leakage),
        suction_pressure=suction,
        available=physics.npsh_available(suction, vapour),
        required=physics.npsh_required(pump, speed, flow),
        shaft_power=physics.shaft_power(pump, speed, flow, leakage),
    )


def _state(station: Station, conditions: Conditions, speed: Array, level: Array, hydraulics: _Hydraulics) -> State:
    effects, relative = conditions.effects, physics.relative_flow(station.pump, speed, hydraulics.flow)
    current = station.motor.current(station.motor.torque(hydraulics.shaft_power, speed))
    bubbles = hydraulics.cavitation
    return State(
        speed=speed,
        level=level,
        flow=hydraulics.flow,
        head=hydraulics.head,
        suction_pressure=hydraulics.suction_pressure,
        npsh_available=hydraulics.available,
        npsh_required=hydraulics.required,
        cavitation=bubbles,
        hydraulic_power=physics.hydraulic_power(hydraulics.flow, hydraulics.head),
        shaft_power=hydraulics.shaft_power,
        electrical_power=station.motor.electrical_power(hydraulics.shaft_power, speed, current),
        current=current,
        bearing_temperature=station.bearing.temperature(speed, conditions.ambient, effects.damage, conditions.step),
        vibration=station.vibration.rms(speed, relative, effects.wear, effects.damage, bubbles * conditions.bursts),
    )
