"""What plants send when they are not at their best: the monitor neither breaks nor cries wolf."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from andon.errors import DriftError
from services.drift.calibration import Calibration, calibrate
from services.drift.finding import Finding
from services.drift.monitor import Monitor
from tests.drift.processes import STEP, autoregressive, vectors

_LEARNED = 2_000
_CALM = autoregressive(0.5, 4_000, 3, seed=20)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(vectors(_CALM[:_LEARNED]), 100, STEP)


def _drift(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.detector in ("level", "spread", "joint")]


def test_a_reference_that_is_too_short_says_how_much_more_it_takes() -> None:
    with pytest.raises(DriftError, match=r"press: 120 windows of reference, 300 are needed; add 180 \(3.0 h\)"):
        calibrate(vectors(_CALM[:120]).with_columns(pl.col("time") * 60), 1, 60 * STEP)


def test_a_slow_sensor_needs_a_longer_reference_for_its_level_than_for_its_spread() -> None:
    found = calibrate(vectors(autoregressive(0.99, 2_000, 1, seed=21)), 1, STEP)
    assert [(refusal.subject, refusal.reason) for refusal in found.refusals if refusal.asset] == [("f0", "too_short")]
    assert found.refusals[-1].needed > 2_000
    level, spread, _ = found.models["press", ""].watched
    assert (level, spread) == (False, True)


def test_a_channel_that_never_varied_is_not_watched_and_does_not_disturb_the_others() -> None:
    values = np.column_stack([_CALM, np.full(4_000, 7.1)])
    found = calibrate(vectors(values[:_LEARNED]), 100, STEP)
    assert [(r.subject, r.reason) for r in found.refusals if r.asset] == [("f3", "constant")]
    values[3_000:, 3], values[3_000:, 0] = 9.9, values[3_000:, 0] + 3
    told = _drift(Monitor(found).update(vectors(values[_LEARNED:], _LEARNED)))
    assert {finding.subject for finding in told} == {"f0"}


def test_wild_values_and_stretches_without_any_are_no_drift(calibration: Calibration) -> None:
    values = _CALM[_LEARNED:].copy()
    values[100] = np.inf, -np.inf, 1e300
    values[200] = -1e300
    values[300:340] = np.nan
    values[400:430, 1] = np.nan
    monitor = Monitor(calibration)
    assert not monitor.update(vectors(values, _LEARNED))
    assert np.isfinite(monitor.readings().statistic).all()


def test_a_feature_that_goes_is_told_and_one_that_comes_is_left_out(calibration: Calibration) -> None:
    later, monitor = vectors(_CALM[_LEARNED:], _LEARNED), Monitor(calibration)
    found = monitor.update(later.slice(0, 500).drop("f1").with_columns(new=pl.lit(5.0)))
    assert [(f.detector, f.subject, f.active, f.time) for f in found] == [
        ("missing", "f1", True, (_LEARNED + 59) * STEP)
    ]
    found = monitor.update(later.slice(500))
    assert [(f.detector, f.subject, f.active) for f in found] == [("missing", "f1", False)]


def test_windows_that_come_again_or_late_change_nothing(calibration: Calibration) -> None:
    later = vectors(_CALM[_LEARNED:], _LEARNED)
    once, twice = Monitor(calibration), Monitor(calibration)
    once.update(later)
    for part in (later.head(1_200), later.slice(300, 700), later.tail(1_000), pl.concat([later.tail(1)] * 300_000)):
        twice.update(part)
    assert twice.readings().statistic.tolist() == once.readings().statistic.tolist()


@pytest.mark.parametrize("jump", [-3_600, 3_600, 40 * 86_400], ids=["an hour back", "an hour on", "forty days on"])
def test_a_clock_that_jumps_raises_no_alarm_and_drift_is_found_after_it(calibration: Calibration, jump: int) -> None:
    values = _CALM[_LEARNED:].copy()
    values[1_500:, 0] += 3
    monitor = Monitor(calibration)
    assert not monitor.update(vectors(values[:600], 100_000))
    after = vectors(values[600:1_500], 100_600 + jump)
    assert not monitor.update(after)
    ahead = max(jump, 0)
    found = monitor.update(vectors(values[1_500:], 101_500 + ahead))
    assert "f0" in {finding.subject for finding in _drift(found)}
    assert all(finding.since <= finding.time for finding in found)


def test_a_clock_that_was_set_back_is_believed_after_a_day_of_windows() -> None:
    hourly = 3_600 * STEP
    reference = vectors(_CALM[:_LEARNED]).with_columns(pl.col("time") * 3_600)
    monitor = Monitor(calibrate(reference, 1, hourly))
    values = _CALM[_LEARNED:].copy()
    values[1_040:, 0] += 3
    monitor.update(vectors(values[:1_000], 50_000).with_columns(pl.col("time") * 3_600))
    found = monitor.update(vectors(values[1_000:1_200], 10_000).with_columns(pl.col("time") * 3_600))
    assert "f0" in {finding.subject for finding in _drift(found)}


def test_after_a_pause_the_whitening_starts_again_and_the_evidence_stays(calibration: Calibration) -> None:
    monitor = Monitor(calibration)
    monitor.update(vectors(_CALM[_LEARNED : _LEARNED + 500], 0))
    before = monitor.readings()
    monitor.update(vectors(_CALM[3_000:3_001] + 2, 10_000))
    assert monitor.readings().statistic.tolist() == before.statistic.tolist()


def test_a_machine_without_a_reference_is_watched_by_that_of_machines_that_are_alike() -> None:
    alike = [vectors(_CALM[i * 500 : (i + 1) * 500], asset=f"press-{i}") for i in range(4)]
    monitor = Monitor(calibrate(pl.concat(alike), 100, STEP))
    assert monitor.watches("newcomer")
    found = monitor.update(vectors(_CALM[_LEARNED:2_500] + 2, 0, asset="newcomer"))
    assert {finding.asset for finding in _drift(found)} == {"newcomer"}


def test_a_machine_without_a_reference_is_not_watched_where_machines_differ() -> None:
    unlike = [vectors(_CALM[i * 1_000 : (i + 1) * 1_000] + i, asset=f"press-{i}") for i in range(4)]
    monitor = Monitor(calibrate(pl.concat(unlike), 100, STEP))
    assert not monitor.watches("newcomer")
    assert [refusal.reason for refusal in monitor.refusals("newcomer")] == ["unlike"]
    assert not monitor.update(vectors(_CALM[:500] + 50, 0, asset="newcomer"))


def test_a_snapshot_of_another_calibration_is_refused(calibration: Calibration) -> None:
    other = Monitor(calibrate(vectors(_CALM[:_LEARNED, :2]), 100, STEP), ["press"])
    with pytest.raises(ValueError, match="another calibration"):
        Monitor(calibration).restore("press", other.snapshot("press"))
