"""A simulated water pumping station: what the demo watches when it is given no recording.

::

    load ──set-points──┐
    faults ──effects───┤► model (physics, machine) ──truth──► sensors ──readings──► simulate ──► record
    ambient, noise ────┘                                        ▲
    faults ──sensor faults──────────────────────────────────────┘

Every step works on arrays of shape (time, pumps); nothing loops over samples in Python.
"""

from sandbox.station.faults import Fault, FaultKind
from sandbox.station.record import write_recording
from sandbox.station.simulate import Simulation, StationConfig, simulate

__all__ = ["Fault", "FaultKind", "Simulation", "StationConfig", "simulate", "write_recording"]
