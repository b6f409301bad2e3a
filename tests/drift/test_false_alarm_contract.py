"""The contract: how rarely a machine that has not changed is reported, whatever its memory."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from services.drift.calibration import calibrate, patience
from services.drift.calibration.cumulants import cumulants, tilts
from services.drift.calibration.whitening import fit
from services.drift.evidence import enough
from services.drift.monitor import Monitor
from services.drift.rehearsal import rehearse
from tests.drift.processes import ONE_IN_10_000, STEP, autoregressive, vectors


def test_one_alarm_in_30_days_is_a_run_length_of_that_many_windows() -> None:
    assert patience(1, 60 * STEP) == 30 * 24 * 60
    assert patience(2, STEP) == 30 * 24 * 3600 / 2


@pytest.mark.parametrize(("alarms", "step"), [(0, STEP), (1, 0), (-1, STEP), (math.nan, STEP)])
def test_a_contract_without_alarms_or_time_is_refused(alarms: float, step: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        patience(alarms, step)


def test_whitening_finds_the_process_that_made_the_values() -> None:
    values = np.hstack([autoregressive(phi, 20_000, 1, seed=1) for phi in (0.0, 0.5, 0.9, 0.99)]) * 3 + 7
    found = fit(values)
    assert found.ar.sum(axis=0) == pytest.approx([0, 0.5, 0.9, 0.99], abs=0.03)
    assert found.mean == pytest.approx(np.full(4, 7.0), abs=1.2)
    assert found.noise == pytest.approx(np.sqrt(1 - np.array([0, 0.5, 0.9, 0.99]) ** 2), rel=0.08)


def test_a_break_in_time_is_not_bridged_by_the_whitening() -> None:
    values = autoregressive(0.9, 4_000, 1, seed=2)
    torn = np.insert(values, np.arange(100, 4_000, 100), np.nan, axis=0)
    assert fit(torn).ar.sum() == pytest.approx(fit(values).ar.sum(), abs=0.02)


def test_evidence_shrinks_on_average_on_other_data_of_the_same_law() -> None:
    random = np.random.default_rng(3)
    laws = (random.standard_normal, lambda size: np.clip(random.standard_t(3, size) / 1.7, -4, 4))
    for law in laws:
        tilt = tilts(20_000, 10_000)
        charge, other = cumulants(law(20_000), tilt), law(1_000_000)
        assert np.all(np.log(np.exp(np.outer(tilt, other)).mean(axis=1)) <= charge)


def test_a_chart_is_charged_for_memory_that_the_whitening_has_left() -> None:
    rough, smooth = autoregressive(0.0, 20_000, 1, seed=4)[:, 0], autoregressive(0.6, 20_000, 1, seed=4)[:, 0]
    tilt = tilts(20_000, 10_000)[:3]
    assert np.all(cumulants(smooth, tilt) > 2 * cumulants(rough, tilt))


def test_evidence_of_many_charts_is_enough_for_less_each_and_of_one_for_the_contract_times_the_charts() -> None:
    named, threshold = enough(np.array([900.0, 0, 0, 0, 0]), 5, 200)
    assert not len(named)
    named, threshold = enough(np.array([1_000.0, 0, 0, 0, 0]), 5, 200)
    assert named.tolist() == [0]
    assert threshold == 1_000
    named, threshold = enough(np.array([400.0, 1, 350, 360, 0]), 5, 200)
    assert sorted(named.tolist()) == [0, 2, 3]
    assert threshold == pytest.approx(333.3, abs=0.1)


@pytest.mark.parametrize("phi", [0.0, 0.9, 0.99])
def test_machines_that_do_not_change_keep_the_contract(phi: float) -> None:
    """One alarm in 10,000 windows: 6 would be allowed here; with twice as many the contract is surely broken."""
    values = autoregressive(phi, 8_000, 20, seed=round(phi * 100))
    frames = [vectors(values[:, [i]], asset=f"press-{i}") for i in range(20)]
    reference = pl.concat(frame.head(5_000) for frame in frames)
    monitor = Monitor(calibrate(reference, ONE_IN_10_000, STEP))
    found = monitor.update(pl.concat(frame.tail(3_000) for frame in frames))
    assert sum(finding.active for finding in found) <= 6


def test_a_rehearsal_tells_a_calm_reference_from_one_that_drifts_by_itself() -> None:
    calm = autoregressive(0.5, 4_000, 3, seed=5)
    wandering = calm + np.linspace(0, 4, 4_000)[:, None] * np.array([0, 1, 0])
    kept, broken = rehearse(vectors(calm), STEP), rehearse(vectors(wandering), STEP)
    assert kept is not None
    assert broken is not None
    assert kept.ratio <= 1
    assert ("press", "f1") in broken.unsettled
    assert ("press", "f0") not in broken.unsettled
    assert rehearse(vectors(calm[:400]), STEP) is None
