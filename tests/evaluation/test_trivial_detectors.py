"""Detectors that know nothing, and records that are spoiled on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from andon.evaluation import confusion
from andon.evaluation.disturb import with_dead_sensor, with_gaps, with_noise
from andon.evaluation.trivial import always, at_random, persistence

RANDOM = np.random.default_rng(1)
TRUTH = np.arange(10_000) % 100 < 54


def test_always_on_misses_nothing_and_is_always_false() -> None:
    counts = confusion([always(TRUTH)])
    assert (counts.far, counts.mar) == (1, 0)
    assert counts.f1 == pytest.approx(2 * 0.54 / 1.54)


def test_random_alarms_are_as_frequent_in_events_as_outside() -> None:
    counts = confusion([at_random(TRUTH, 0.3, RANDOM)])
    assert counts.far == pytest.approx(0.3, abs=0.03)
    assert counts.mar == pytest.approx(0.7, abs=0.03)


def test_persistence_notices_a_step_but_not_what_stays() -> None:
    normal = RANDOM.normal(size=(1_000, 2))
    rows = RANDOM.normal(size=(200, 2))
    rows[100:] += 50
    alarm = persistence(np.arange(200) >= 100, rows, normal).alarm
    assert alarm[100]
    assert alarm.sum() <= 3


def test_persistence_takes_gaps_and_constant_columns() -> None:
    normal = np.column_stack([RANDOM.normal(size=100), np.full(100, 7.0)])
    rows = normal[:20].copy()
    rows[3, 0] = np.nan
    assert not np.isnan(persistence(np.zeros(20, np.bool_), rows, normal).score).any()


def test_disturbed_values_are_copies() -> None:
    values = RANDOM.normal(size=(1_000, 3))
    before = values.copy()
    noisy = with_noise(values, 0.5, np.array([1.0, 2.0, 0.0]), RANDOM)
    np.testing.assert_allclose((noisy - values).std(axis=0), [0.5, 1, 0], rtol=0.1)
    assert np.isnan(with_gaps(values, 0.2, RANDOM)).mean() == pytest.approx(0.2, abs=0.03)
    dead = with_dead_sensor(values, 1)
    assert (dead[:, 1] == values[0, 1]).all()
    np.testing.assert_array_equal(dead[:, [0, 2]], values[:, [0, 2]])
    np.testing.assert_array_equal(values, before)
