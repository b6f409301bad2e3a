"""Hydraulics of a centrifugal pump in its piping; SI units throughout.

Speed is relative to rated speed. Sources: J. F. Gülich, *Centrifugal Pumps*, 3rd ed., Springer 2014 (chapter
2 similarity, 3 leakage through worn seals, 4 characteristics, 6 suction capability, 11 pump in the system).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandbox.station.signals import Array, PerPump

GRAVITY = 9.80665
"""m/s2"""
DENSITY = 999.0
"""kg/m3, water at 14 degC"""
ATMOSPHERE = 101_325.0
"""Pa"""
#: NPSH required over NPSH3, the usual margin between no loss of head and a loss of 3 %.
NPSH_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class Pump:
    """A single-stage radial pump: 180 m3/h at 32 m and 1480 rpm, specific speed n_q = 25."""

    shutoff_head: PerPump = 40.0
    """Head at rated speed without flow, m."""
    head_drop: float = 3_200.0
    """Head lost per flow squared, s2/m5."""
    best_flow: float = 0.05
    """Flow at best efficiency and rated speed, m3/s."""
    best_efficiency: PerPump = 0.80
    """Hydraulic over shaft power at best flow."""
    npsh3_speed: float = 1.4
    """Part of NPSH3 that grows with speed squared, m at rated speed."""
    npsh3_flow: float = 640.0
    """Part of NPSH3 that grows with flow squared, s2/m5."""


@dataclass(frozen=True, slots=True)
class Piping:
    """One pump's way from the wet well, by its own rising main, to a free outfall."""

    axis_above_floor: float = 6.0
    """Pump axis over the wet well's floor, m: a suction lift of 3 m at normal level."""
    outfall_above_axis: float = 7.0
    """Outfall over the pump axis, m."""
    suction_resistance: float = 400.0
    """s2/m5"""
    riser_resistance: float = 8_000.0
    """s2/m5"""
    valve_resistance: float = 400.0
    """Outlet valve, fully open, s2/m5."""

    def resistance(self, opening: Array) -> Array:
        """Return the whole way's loss per flow squared, s2/m5; a linear valve's goes with 1/opening^2."""
        return self.suction_resistance + self.riser_resistance + self.valve_resistance / opening**2

    def static_head(self, level: Array) -> Array:
        """Return the height from the well's surface to the outfall, m."""
        return self.outfall_above_axis + self.axis_above_floor - level

    def suction_pressure(self, level: Array, flow: Array, strainer_loss: Array, vapour: Array) -> Array:
        """Return the absolute pressure at the pump's inlet, Pa; where it would fall below *vapour*, water boils."""
        head = level - self.axis_above_floor - self.suction_resistance * flow**2 - strainer_loss
        return np.maximum(ATMOSPHERE + DENSITY * GRAVITY * head, vapour)


def pump_head(pump: Pump, speed: Array, flow: Array, leakage: PerPump = 0.0) -> Array:
    """Return the head that the impeller makes, m: a parabola scaled by the affinity laws (Q ~ n, H ~ n^2).

    Args:
        pump: its characteristic.
        speed: relative to rated.
        flow: delivered, m3/s.
        leakage: flow that runs back through worn seals, share of best flow at this speed; the impeller
            has to move it as well.
    """
    through_impeller = flow + leakage * pump.best_flow * speed
    return np.asarray(pump.shutoff_head * speed**2 - pump.head_drop * through_impeller**2)


def operating_flow(
    pump: Pump, speed: Array, static_head: Array, resistance: Array, leakage: Array, head_loss: Array
) -> Array:
    """Return the flow at which pump and piping need the same head, m3/s.

    Solves ``(1 - l) (H0 n^2 - c (Q + Q_leak)^2) = H_static + k Q^2`` for Q, in closed form. A pump too slow
    to lift the water delivers nothing (a check valve holds it).

    Args:
        pump: its characteristic.
        speed: relative to rated.
        static_head: m.
        resistance: k, s2/m5.
        leakage: share of best flow.
        head_loss: l, share of head lost to cavitation.
    """
    drop = (1 - head_loss) * pump.head_drop
    excess = (1 - head_loss) * pump.shutoff_head * speed**2 - static_head
    leak = leakage * pump.best_flow * speed
    root = np.sqrt(np.maximum((drop + resistance) * excess - drop * resistance * leak**2, 0.0))
    return np.asarray(np.maximum((root - drop * leak) / (drop + resistance), 0.0))


def hydraulic_power(flow: Array, head: Array) -> Array:
    """Return the power in the water delivered, W."""
    return DENSITY * GRAVITY * flow * head


def shaft_power(pump: Pump, speed: Array, flow: Array, leakage: PerPump = 0.0) -> Array:
    """Return the power that the impeller takes, W.

    An efficiency parabola through zero and best flow, ``eta = eta_best q (2 - q)``, put in so that it stays
    finite at shut-off. Cavitation lowers the head delivered, not this.

    Args:
        pump: its characteristic.
        speed: relative to rated.
        flow: delivered, m3/s.
        leakage: share of best flow.
    """
    head = pump_head(pump, speed, flow, leakage)
    relative = relative_flow(pump, speed, flow) + leakage
    best = pump.best_flow * speed / pump.best_efficiency
    return np.asarray(DENSITY * GRAVITY * head * best / (2 - relative))


def relative_flow(pump: Pump, speed: Array, flow: Array) -> Array:
    """Return flow over best flow at this speed; 1 is best efficiency."""
    return flow / (pump.best_flow * speed)


def vapour_pressure(temperature: Array) -> Array:
    """Return the vapour pressure of water, Pa (Antoine's equation, 1 to 100 degC).

    Args:
        temperature: degC.
    """
    millimetres_of_mercury = 10 ** (8.07131 - 1730.63 / (233.426 + temperature))
    return np.asarray(133.322 * millimetres_of_mercury)


def npsh_available(suction_pressure: Array, vapour: Array) -> Array:
    """Return the head over vapour pressure at the pump's inlet, m; the velocity head is left out."""
    return (suction_pressure - vapour) / (DENSITY * GRAVITY)


def npsh_required(pump: Pump, speed: Array, flow: Array) -> Array:
    """Return the head over vapour pressure that the pump needs to run without loss of head, m."""
    return NPSH_MARGIN * (pump.npsh3_speed * speed**2 + pump.npsh3_flow * flow**2)


def cavitation(available: Array, required: Array) -> Array:
    """Return how much is lacking, ``1 - NPSHa/NPSHr``: 0 without cavitation, below 1."""
    return np.maximum(1 - available / required, 0.0)


def cavitation_head_loss(cavitation: Array) -> Array:
    """Return the share of head lost: 0 at NPSH required, 3 % at NPSH3 as the term's definition says.

    Linear, so good for partial cavitation; the collapse of a pump that runs dry is not in it.
    """
    at_npsh3 = 1 - 1 / NPSH_MARGIN
    return 0.03 * cavitation / at_npsh3
