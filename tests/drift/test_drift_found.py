"""What the monitor finds: where, since when, how far; and that it is over."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.drift.calibration import calibrate
from services.drift.finding import Finding
from services.drift.monitor import Monitor
from tests.drift.processes import ONE_IN_10_000, STEP, Floats, autoregressive, vectors

#: Windows of reference, and of the same law after it, before anything changes.
_LEARNED, _CALM = 8_000, 300


def _machine(after: int, seed: int = 0) -> Floats:
    """Return a machine of four sensors that go together, phi .9, [windows, 4]."""
    own, shared = autoregressive(0.9, _LEARNED + _CALM + after, 5, seed), 0.8
    return np.asarray(np.sqrt(shared) * own[:, 4:] + np.sqrt(1 - shared) * own[:, :4])


def _monitored(values: Floats) -> list[Finding]:
    monitor = Monitor(calibrate(vectors(values[:_LEARNED]), ONE_IN_10_000, STEP))
    return monitor.update(vectors(values[_LEARNED:], _LEARNED))


def _second(time: int) -> float:
    """Return a time in seconds after the change."""
    return time / STEP - _LEARNED - _CALM


def test_a_shift_is_found_where_it_is_with_its_size_and_its_beginning() -> None:
    values = _machine(400)
    values[_LEARNED + _CALM :, 2] += 3.0
    found = [finding for finding in _monitored(values) if finding.detector == "level"]
    assert [(finding.subject, finding.active) for finding in found] == [("f2", True)]
    assert 0 < _second(found[0].time) < 300
    assert abs(_second(found[0].since)) < 100
    assert found[0].shift == pytest.approx(3.0, abs=1.5)
    assert found[0].statistic >= found[0].threshold
    assert found[0].e_value is not None
    assert found[0].e_value > 1


def test_a_sensor_that_is_noisier_or_stuck_is_found_by_its_spread() -> None:
    for change in ("noisier", "stuck"):
        values = _machine(200)
        noise = np.random.default_rng(1).standard_normal(200)
        values[_LEARNED + _CALM :, 1] = 0.3 if change == "stuck" else values[_LEARNED + _CALM :, 1] + noise
        found = [finding for finding in _monitored(values) if finding.detector == "spread"]
        assert ("f1", True) in [(finding.subject, finding.active) for finding in found], change
        assert _second(found[0].time) < 150, change


def test_a_pattern_that_breaks_is_found_though_every_sensor_by_itself_is_as_before() -> None:
    values, other = _machine(150), _machine(150, seed=9)
    values[_LEARNED + _CALM :, 3] = other[_LEARNED + _CALM :, 3]
    found = _monitored(values)
    assert found[0].detector == "joint"
    assert 0 < _second(found[0].time) < 100


def test_drift_that_goes_on_is_told_once_and_its_end_once() -> None:
    values = _machine(2_500)
    values[_LEARNED + _CALM : _LEARNED + _CALM + 1_500, 0] += 3.0
    told = [(f.detector, f.active, _second(f.time)) for f in _monitored(values) if f.subject == "f0"]
    levels = [(active, time) for detector, active, time in told if detector == "level"]
    assert [active for active, _ in levels] == [True, False]
    assert levels[0][1] < 200
    assert 1_500 < levels[1][1] < 2_100


def test_a_regime_has_its_own_normal_and_one_never_seen_is_told_and_not_judged() -> None:
    calm = autoregressive(0.5, 4_000, 2, seed=6)
    cold, hot = calm[:2_000], calm[2_000:] + 30
    reference = vectors(cold, 0, regime="A").vstack(vectors(hot, 2_000, regime="B"))
    monitor = Monitor(calibrate(reference, 1, STEP))
    more = autoregressive(0.5, 900, 2, seed=7)
    assert not monitor.update(vectors(more[:300], 5_000, regime="A"))
    assert not monitor.update(vectors(more[300:600] + 30, 5_300, regime="B"))
    begun = monitor.update(vectors(more[600:] - 500, 5_600, regime="C"))
    assert [(f.detector, f.active, f.regime, f.time) for f in begun] == [("regime", True, "C", 5_600 * STEP)]
    over = monitor.update(vectors(more[:300], 5_900, regime="A"))
    assert [(f.detector, f.active) for f in over] == [("regime", False)]


def test_the_score_is_watched_like_a_feature_but_is_no_part_of_the_pattern() -> None:
    values = autoregressive(0.5, 3_000, 3, seed=8)
    values[2_200:, 2] += 2
    frame = vectors(values, names=("f0", "f1", "score"))
    calibration = calibrate(frame.head(2_000), 10, STEP)
    assert {model.joint_scale > 0 for model in calibration.models.values()} == {True}
    found = Monitor(calibration).update(frame.tail(1_000))
    assert {finding.subject for finding in found} == {"score"}


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 399), max_size=4), restarts=st.booleans())
def test_batches_and_restarts_change_nothing(cuts: list[int], restarts: bool) -> None:
    values = autoregressive(0.5, 1_400, 2, seed=10)
    values[1_100:, 0] += 3
    calibration = calibrate(vectors(values[:1_000]), 100, STEP)
    later = vectors(values[1_000:], 1_000)
    whole, monitor, found = Monitor(calibration).update(later), Monitor(calibration), []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), 400], strict=True):
        found += monitor.update(later.slice(first, last - first))
        if restarts:
            state = json.loads(json.dumps(monitor.snapshot("press"))) if last > first else None
            monitor = Monitor(calibration) if state else monitor
            if state:
                monitor.restore("press", state)
    assert found == whole
    assert any(finding.active for finding in whole)
