"""The default scenario: 90 minutes in which four pumps show every kind of fault, with normal running between."""

from __future__ import annotations

from sandbox.station.faults import Fault, FaultKind

_MINUTE = 60.0


def _fault(
    pump: int, start: float, minutes: float, kind: FaultKind, severity: float = 1.0, tag: str | None = None
) -> Fault:
    return Fault(kind, pump - 1, start * _MINUTE, minutes * _MINUTE, severity, tag)


#: Pump (from 1), start and length in minutes of the live part, kind, severity or sensor.
DEFAULT_FAULTS: tuple[Fault, ...] = (
    _fault(1, 8, 9, FaultKind.VALVE_CLOSING, 0.95),
    _fault(1, 30, 4, FaultKind.SENSOR_STUCK, tag="flow"),
    _fault(1, 45, 30, FaultKind.WEAR, 0.8),
    _fault(2, 14, 7, FaultKind.CAVITATION),
    _fault(2, 36, 14, FaultKind.BEARING_DAMAGE, 0.7),
    _fault(2, 78, 8, FaultKind.VALVE_CLOSING, 0.9),
    _fault(3, 5, 4, FaultKind.SENSOR_SPIKES, tag="vibration"),
    _fault(3, 20, 28, FaultKind.WEAR, 1.0),
    _fault(3, 60, 7, FaultKind.CAVITATION, 0.95),
    _fault(3, 80, 3, FaultKind.SENSOR_DROPOUT, tag="bearing_temperature"),
    _fault(4, 3, 7, FaultKind.VALVE_CLOSING, 1.0),
    _fault(4, 22, 5, FaultKind.SENSOR_DRIFT, tag="water_temperature"),
    _fault(4, 38, 12, FaultKind.BEARING_DAMAGE, 1.0),
    _fault(4, 76, 8, FaultKind.CAVITATION, 0.9),
)
