"""Motor, bearings and vibration of a pump set; SI units, speed relative to rated speed.

Sources: S. J. Chapman, *Electric Machinery Fundamentals* (induction motor); T. A. Harris and M. N. Kotzalas,
*Rolling Bearing Analysis* (Palmgren's friction moment); Gülich, *Centrifugal Pumps*, chapter 10 (hydraulic
excitation away from best flow); ISO 10816-7 for what vibration is usual: zone A of category II ends at
3.2 mm/s, B at 5.1 mm/s, C at 8.5 mm/s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.station.signals import Array, PerPump, first_order_lag


@dataclass(frozen=True, slots=True)
class Motor:
    """A four-pole induction motor, 22 kW at 400 V, on a drive that keeps voltage over frequency constant."""

    rated_power: float = 22_000.0
    """At the shaft, W."""
    rated_rpm: float = 1_480.0
    slip: float = 20.0 / 1_480.0
    """Speed lost at rated torque, relative to rated speed."""
    active_current: float = 34.4
    """At rated torque, A."""
    magnetising_current: float = 22.3
    """A; with constant flux the same at every speed."""
    fixed_loss: float = 700.0
    """Iron and fan, W at rated speed."""
    copper_loss: float = 1_300.0
    """Stator and rotor, W at rated current."""

    def torque(self, shaft_power: Array, speed: Array) -> Array:
        """Return torque relative to rated."""
        return shaft_power / (self.rated_power * speed)

    def speed(self, setpoint: Array, torque: Array) -> Array:
        """Return the speed that slip leaves of the drive's set-point."""
        return setpoint - self.slip * torque

    def current(self, torque: Array) -> Array:
        """Return the motor current, A: active part (with torque) and magnetising part at right angles."""
        return np.hypot(self.active_current * torque, self.magnetising_current)

    def electrical_power(self, shaft_power: Array, speed: Array, current: Array) -> Array:
        """Return the power taken from the drive, W."""
        rated_current = np.hypot(self.active_current, self.magnetising_current)
        return np.asarray(shaft_power + self.fixed_loss * speed + self.copper_loss * (current / rated_current) ** 2)


@dataclass(frozen=True, slots=True)
class Bearing:
    """A greased rolling bearing in its housing."""

    friction: PerPump = 250.0
    """Power lost at rated speed, W."""
    thermal_resistance: float = 0.11
    """Housing to ambient air, K/W."""
    time_constant: float = 300.0
    """Of the housing's warming, s."""
    damage_friction: float = 1.5
    """Friction that full damage adds, share of the sound bearing's."""

    def temperature(self, speed: Array, ambient: Array, damage: Array, step: float) -> Array:
        """Return the housing's temperature, degC, a first-order lag of friction loss over ambient.

        Args:
            speed: relative to rated; Palmgren's moment ~ n^(2/3) makes the loss ~ n^(5/3).
            ambient: degC.
            damage: 0 to 1.
            step: seconds between samples.
        """
        loss = self.friction * speed ** (5 / 3) * (1 + self.damage_friction * damage)
        return first_order_lag(ambient + self.thermal_resistance * loss, self.time_constant, step)


@dataclass(frozen=True, slots=True)
class Vibration:
    """Causes of vibration velocity at the bearing housing, mm/s RMS each; they are not in phase, so squares add."""

    imbalance: PerPump = 1.4
    """At rated speed; grows with speed squared."""
    hydraulic: float = 0.6
    """At best flow."""
    off_design: float = 3.0
    """Added per squared deviation of relative flow from 1."""
    bearing: float = 7.0
    """Of a bearing with full damage, at rated speed."""
    cavitation: float = 6.0
    """Broadband noise of full cavitation at rated speed."""

    def rms(self, speed: Array, relative_flow: Array, wear: Array, damage: Array, bubbles: Array) -> Array:
        """Return the RMS over one scan, mm/s.

        Args:
            speed: relative to rated.
            relative_flow: flow over best flow.
            wear: 0 to 1; an impeller wears unevenly, which adds imbalance.
            damage: of the bearing, 0 to 1.
            bubbles: cavitation, 0 to 1, times the intensity of its bursts.
        """
        causes = (
            self.imbalance * speed**2 * (1 + wear),
            self.hydraulic + self.off_design * (1 - relative_flow) ** 2,
            self.bearing * speed * damage,
            self.cavitation * speed**2 * bubbles,
        )
        return np.asarray(np.sqrt(sum(cause**2 for cause in causes)))
