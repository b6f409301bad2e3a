"""The simulated station as a system: what each fault does to its pump."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from andon.errors import ConfigError
from sandbox.station.faults import Effects, Fault, FaultKind, effects
from sandbox.station.model import Conditions, State, Station, run
from sandbox.station.signals import Array

#: One pump after the other from lowest to highest speed, for an hour each.
SPEEDS = np.linspace(0.74, 1.0, 4)
SHAPE = (3_600, 4)
SOUND = Effects(wear=np.zeros(SHAPE), opening=np.ones(SHAPE), strainer_loss=np.zeros(SHAPE), damage=np.zeros(SHAPE))
CALM = Conditions(
    setpoint=np.broadcast_to(SPEEDS, SHAPE),
    ambient=np.full((SHAPE[0], 1), 20.0),
    water=np.full((SHAPE[0], 1), 14.0),
    turbulence=np.zeros(SHAPE),
    bursts=np.ones(SHAPE),
    effects=SOUND,
    step=1.0,
)


def settled(**changed: float) -> State:
    """The station's last second under faults of constant size."""
    effects = replace(SOUND, **{name: np.full(SHAPE, value) for name, value in changed.items()})
    state = run(Station(), replace(CALM, effects=effects))
    return replace(state, **{field.name: getattr(state, field.name)[-1] for field in fields(state)})


@pytest.fixture(scope="module")
def sound() -> State:
    return settled()


def test_power_is_lost_at_every_step_from_the_mains_to_the_water(sound: State) -> None:
    assert (sound.hydraulic_power < sound.shaft_power).all()
    assert (sound.shaft_power < sound.electrical_power).all()
    assert (sound.hydraulic_power > 0.7 * sound.shaft_power).all()


def test_a_faster_pump_delivers_more_and_takes_more(sound: State) -> None:
    for quantity in (sound.flow, sound.head, sound.electrical_power, sound.current, sound.bearing_temperature):
        assert (np.diff(quantity) > 0).all()


def test_closing_the_outlet_valve_lowers_flow_and_raises_head(sound: State) -> None:
    half, nearly = settled(opening=0.5), settled(opening=0.15)
    assert (sound.flow > half.flow).all()
    assert (half.flow > nearly.flow).all()
    assert (nearly.flow < 0.8 * sound.flow).all()
    assert (nearly.discharge_pressure > half.discharge_pressure).all()
    assert (half.discharge_pressure > sound.discharge_pressure).all()


def test_wear_lowers_efficiency_and_flow_and_adds_power_and_vibration(sound: State) -> None:
    worn = settled(wear=1.0)
    assert (worn.efficiency < 0.95 * sound.efficiency).all()
    assert (worn.flow < sound.flow).all()
    assert (worn.shaft_power > sound.shaft_power).all()
    assert (worn.vibration > sound.vibration).all()


def test_a_clogged_strainer_makes_the_pump_cavitate_under_load_only(sound: State) -> None:
    assert (sound.cavitation == 0).all()
    clogged = settled(strainer_loss=5.5)
    assert (clogged.suction_pressure < sound.suction_pressure).all()
    assert ((clogged.cavitation > 0) == (clogged.npsh_available < clogged.npsh_required)).all()
    assert clogged.cavitation[0] < clogged.cavitation[-1]
    assert clogged.vibration[-1] > 1.5 * sound.vibration[-1]
    assert clogged.efficiency[-1] < sound.efficiency[-1]


def test_a_damaged_bearing_heats_and_shakes_but_pumps_as_before(sound: State) -> None:
    damaged = settled(damage=1.0)
    assert (damaged.bearing_temperature > sound.bearing_temperature + 10).all()
    assert (damaged.vibration > 5.1).all()  # beyond zone B of ISO 10816-7
    assert damaged.flow == pytest.approx(sound.flow)


def test_the_well_holds_what_flowed_in_and_not_out() -> None:
    setpoint = np.where(np.arange(SHAPE[0]) < 60, 0.74, 1.0)[:, None] * np.ones(SHAPE[1])
    state, well = run(Station(), replace(CALM, setpoint=setpoint)), Station().well
    inflow = well.inflow_per_pump * SHAPE[1] + well.gain * (well.level - state.level[:, 0])
    stored = well.area * np.diff(state.level[:, 0])
    assert stored == pytest.approx((inflow - state.flow.sum(axis=1))[1:], rel=0.02, abs=1e-6)


def test_a_fault_grows_to_its_severity_and_goes() -> None:
    fault = Fault(FaultKind.VALVE_CLOSING, pump=2, start=100.0, duration=100.0, severity=0.5)
    time: Array = np.arange(0.0, 300.0)
    opening = effects([fault], time, 4).opening
    assert (opening[:, [0, 1, 3]] == 1).all()
    assert (opening[:101, 2] == 1).all()
    assert (np.diff(opening[100:150, 2]) < 0).all()
    assert opening[170, 2] == pytest.approx(1 - 0.85 * 0.5)
    assert (opening[200:, 2] == 1).all()


@pytest.mark.parametrize(
    ("kind", "start", "duration", "severity", "tag"),
    [
        (FaultKind.WEAR, 0.0, 10.0, 1.0, "flow"),
        (FaultKind.SENSOR_STUCK, 0.0, 10.0, 1.0, None),
        (FaultKind.WEAR, -1.0, 10.0, 1.0, None),
        (FaultKind.WEAR, 0.0, 0.0, 1.0, None),
        (FaultKind.WEAR, 0.0, 10.0, 1.5, None),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    kind: FaultKind, start: float, duration: float, severity: float, tag: str | None
) -> None:
    with pytest.raises(ConfigError, match=kind):
        Fault(kind, 0, start, duration, severity, tag)
