"""The equations of the simulated pump station obey the laws they stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.station import physics
from sandbox.station.machine import Bearing, Motor, Vibration
from sandbox.station.physics import Piping, Pump
from sandbox.station.signals import Array, coloured_noise, first_order_lag

PUMP, PIPING = Pump(), Piping()

speeds = st.floats(0.5, 1.0)
flows = st.floats(0.0, 0.06)
leakages = st.floats(0.0, 0.2)


def one(value: float) -> Array:
    return np.array([value])


@given(speed=speeds, flow=flows, leakage=leakages, ratio=st.floats(0.8, 1.2))
def test_affinity_laws_scale_head_with_speed_squared_and_power_with_its_cube(
    speed: float, flow: float, leakage: float, ratio: float
) -> None:
    here, there = (one(speed), one(flow), leakage), (one(ratio * speed), one(ratio * flow), leakage)
    assert physics.pump_head(PUMP, *there) == pytest.approx(ratio**2 * physics.pump_head(PUMP, *here))
    assert physics.shaft_power(PUMP, *there) == pytest.approx(ratio**3 * physics.shaft_power(PUMP, *here))
    assert physics.npsh_required(PUMP, *there[:2]) == pytest.approx(ratio**2 * physics.npsh_required(PUMP, *here[:2]))


@given(
    speed=speeds,
    static=st.floats(0.0, 45.0),
    opening=st.floats(0.05, 1.0),
    leakage=leakages,
    loss=st.floats(0.0, 0.2),
)
def test_at_the_operating_point_pump_and_piping_need_the_same_head(
    speed: float, static: float, opening: float, leakage: float, loss: float
) -> None:
    resistance = PIPING.resistance(one(opening))
    flow = physics.operating_flow(PUMP, one(speed), one(static), resistance, one(leakage), one(loss))
    made = (1 - loss) * physics.pump_head(PUMP, one(speed), flow, leakage)
    needed = static + resistance * flow**2
    if flow > 0:
        assert made == pytest.approx(needed)
    else:  # the pump is too slow to lift the water
        assert made <= needed + 1e-9


def test_rated_point_is_that_of_the_data_sheet() -> None:
    flow = one(PUMP.best_flow)
    head, power = physics.pump_head(PUMP, one(1.0), flow), physics.shaft_power(PUMP, one(1.0), flow)
    assert head == pytest.approx(32.0)
    assert physics.hydraulic_power(flow, head) / power == pytest.approx(PUMP.best_efficiency)
    assert power < Motor().rated_power


def test_efficiency_is_best_at_best_flow_and_zero_without_flow() -> None:
    flow = np.linspace(0.0, 1.5, 31) * PUMP.best_flow
    power = physics.shaft_power(PUMP, one(1.0), flow)
    efficiency = physics.hydraulic_power(flow, physics.pump_head(PUMP, one(1.0), flow)) / power
    assert np.argmax(efficiency) == 20
    assert efficiency[0] == 0
    assert power[0] > 0


def test_cavitation_begins_at_npsh_required_and_costs_three_percent_of_head_at_npsh3() -> None:
    required = one(3.6)
    assert physics.cavitation(required * 1.001, required) == 0
    assert physics.cavitation(required * 0.999, required) > 0
    at_npsh3 = physics.cavitation(required / physics.NPSH_MARGIN, required)
    assert physics.cavitation_head_loss(at_npsh3) == pytest.approx(0.03)


@pytest.mark.parametrize(("temperature", "pascal"), [(10.0, 1_228.0), (20.0, 2_339.0), (100.0, 101_325.0)])
def test_vapour_pressure_agrees_with_steam_tables(temperature: float, pascal: float) -> None:
    assert physics.vapour_pressure(one(temperature)) == pytest.approx(pascal, rel=0.01)


def test_motor_takes_its_rated_current_and_slip_at_rated_load() -> None:
    motor, power = Motor(), one(Motor().rated_power)
    torque = motor.torque(power, one(1.0))
    current = motor.current(torque)
    assert torque == pytest.approx(1.0)
    assert current == pytest.approx(41.0, abs=0.05)
    assert power / motor.electrical_power(power, one(1.0), current) == pytest.approx(0.917, abs=0.001)
    assert motor.speed(one(1.0 + motor.slip), torque) == pytest.approx(1.0)


def test_bearing_warms_to_its_balance_with_its_time_constant() -> None:
    bearing, seconds = Bearing(friction=250.0, thermal_resistance=0.1), np.arange(3_000)
    speed = np.where(seconds < 1, 0.0, 1.0)
    rise = bearing.temperature(speed, one(20.0), one(0.0), 1.0) - 20.0
    assert rise[-1] == pytest.approx(25.0, rel=1e-3)
    assert rise[round(bearing.time_constant)] == pytest.approx(25.0 * (1 - math.exp(-1)), rel=1e-3)


def test_vibration_of_a_sound_pump_is_in_zone_a_and_grows_with_every_fault() -> None:
    def rms(wear: float = 0, damage: float = 0, bubbles: float = 0) -> float:
        return float(Vibration().rms(one(1.0), one(1.0), one(wear), one(damage), one(bubbles))[0])

    assert rms() < 3.2
    assert min(rms(wear=0.5), rms(damage=0.5), rms(bubbles=0.5)) > 1.2 * rms()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.floats(0.0, 50.0))
def test_lag_is_that_of_the_recurrence_sample_by_sample(values: list[float], time_constant: float) -> None:
    gain = 1 - math.exp(-1 / time_constant) if time_constant else 1.0
    expected = [values[0]]
    for value in values[1:]:
        expected.append(expected[-1] + gain * (value - expected[-1]))
    lagged = first_order_lag(np.array(values), time_constant, 1.0)
    assert lagged == pytest.approx(expected, abs=1e-6)


def test_coloured_noise_has_unit_variance_and_forgets_with_its_time_constant() -> None:
    noise = coloured_noise(np.random.default_rng(1), (200_000,), 5.0, 1.0)
    assert noise.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(noise[:-5], noise[5:])[0, 1] == pytest.approx(math.exp(-1), abs=0.02)
