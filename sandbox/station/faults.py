"""What goes wrong, when, and how badly: the ground truth of a simulation.

A process fault changes the physics, so every signal of the pump tells of it; it is there to be found. A
sensor fault changes one reading only; it is there to be marked by data quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from andon.errors import ConfigError
from sandbox.station.signals import Array


class FaultKind(StrEnum):
    """Kinds of fault, process faults first."""

    WEAR = "wear"
    """Wear rings and impeller wear down: more leakage back to the inlet, more imbalance."""
    VALVE_CLOSING = "valve_closing"
    """The outlet valve creeps shut."""
    CAVITATION = "cavitation"
    """The suction strainer clogs until the pump cavitates (under load; a slow pump needs little NPSH)."""
    BEARING_DAMAGE = "bearing_damage"
    """A bearing spalls: friction, heat, vibration."""
    SENSOR_STUCK = "sensor_stuck"
    """A reading rests at its last value."""
    SENSOR_DRIFT = "sensor_drift"
    """A reading runs away upwards; only past the sensor's range can a rule know it."""
    SENSOR_SPIKES = "sensor_spikes"
    """A loose contact: some readings jump anywhere."""
    SENSOR_DROPOUT = "sensor_dropout"
    """No readings at all."""

    @property
    def process(self) -> bool:
        """Whether the machine is at fault, not a sensor."""
        return self in _COURSES


@dataclass(frozen=True, slots=True)
class _Course:
    """How a process fault grows and goes."""

    ramp: float
    """Share of its duration in which it grows to its severity."""
    recovery: float
    """Share of its duration, at the end, in which it is undone."""
    settling: float
    """Time for which its traces outlast it, s: sensors lag, and a bearing cools slowly."""


_COURSES = {
    FaultKind.WEAR: _Course(ramp=0.95, recovery=0.01, settling=10.0),
    FaultKind.VALVE_CLOSING: _Course(ramp=0.5, recovery=0.1, settling=10.0),
    FaultKind.CAVITATION: _Course(ramp=0.5, recovery=0.05, settling=10.0),
    FaultKind.BEARING_DAMAGE: _Course(ramp=0.7, recovery=0.01, settling=960.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one pump."""

    kind: FaultKind
    pump: int
    """Index of the pump, from 0."""
    start: float
    """Seconds after the start of the live part."""
    duration: float
    """Seconds from its first trace until it is put right."""
    severity: float = 1.0
    """0 to 1; only for process faults."""
    tag: str | None = None
    """The sensor at fault; only for sensor faults."""
    ramp: float | None = None
    """Share of its duration in which a process fault grows to its severity; what is usual for its kind when None."""

    def __post_init__(self) -> None:
        if (self.tag is None) != self.kind.process:
            raise ConfigError(f"fault {self.kind} at {self.start} s: sensor faults, and only they, name a `tag`")
        if self.start < 0 or self.duration <= 0 or not 0 < self.severity <= 1:
            raise ConfigError(
                f"fault {self.kind} at {self.start} s: start must be 0 or more, duration above 0, severity in (0, 1]"
            )

    @property
    def end(self) -> float:
        """When its last trace is gone, seconds after the start of the live part."""
        return self.start + self.duration + (_COURSES[self.kind].settling if self.kind.process else 0.0)

    def course(self, time: Array) -> Array:
        """Return a process fault's severity at *time* (seconds after the start of the live part)."""
        course = _COURSES[self.kind]
        ramp = course.ramp if self.ramp is None else self.ramp
        corners = np.array([0.0, ramp, 1.0 - course.recovery, 1.0])
        heights = self.severity * np.array([0.0, 1.0, 1.0, 0.0])
        return np.asarray(np.interp(time, self.start + self.duration * corners, heights))


#: Opening that a fully developed valve fault leaves.
_LEAST_OPENING = 0.15
#: Head that a fully clogged strainer costs, m.
_STRAINER_LOSS = 5.5


@dataclass(frozen=True, slots=True)
class Effects:
    """Process faults as changes to the physics, each of shape (time, pumps)."""

    wear: Array
    """0 (new) to 1."""
    opening: Array
    """Of the outlet valve, 1 is open."""
    strainer_loss: Array
    """m"""
    damage: Array
    """Of the bearing, 0 to 1."""


def effects(faults: Sequence[Fault], time: Array, pumps: int) -> Effects:
    """Return what *faults* do to the physics; of two of one kind on one pump, the worse counts.

    Args:
        faults: of all kinds; sensor faults have no effect here.
        time: seconds after the start of the live part, ascending.
        pumps: number of pumps.
    """
    severity = {kind: np.zeros((len(time), pumps)) for kind in _COURSES}
    for fault in faults:
        if fault.kind.process:
            column = severity[fault.kind][:, fault.pump]
            np.maximum(column, fault.course(time), out=column)
    return Effects(
        wear=severity[FaultKind.WEAR],
        opening=1 - (1 - _LEAST_OPENING) * severity[FaultKind.VALVE_CLOSING],
        strainer_loss=_STRAINER_LOSS * severity[FaultKind.CAVITATION],
        damage=severity[FaultKind.BEARING_DAMAGE],
    )
