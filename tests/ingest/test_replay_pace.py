"""When a recorded frame is due."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.recording.pace import Pace, released

MOMENTS = st.integers(0, 2**52)
SPEEDS = st.floats(0.01, 1_000)


def test_three_speeds() -> None:
    times = [1_000, 1_010, 1_025]
    assert [Pace(1, 1_000, 50_000).due(time) for time in times] == [50_000, 50_010, 50_025]
    assert [Pace(5, 1_000, 50_000).due(time) for time in times] == [50_000, 50_002, 50_005]
    assert [Pace(math.inf, 1_000, 50_000).due(time) for time in times] == [50_000] * 3


def test_as_fast_as_possible_everything_is_due_at_once() -> None:
    assert Pace(math.inf, 0, 0).reached(0) >= 2**53


@given(first=MOMENTS, started=MOMENTS, passed=st.integers(0, 2**40))
def test_at_true_speed_time_is_only_shifted(first: int, started: int, passed: int) -> None:
    pace = Pace(1, first, started)
    assert pace.due(first + passed) == started + passed
    assert pace.reached(started + passed) == first + passed


@given(speed=SPEEDS, first=MOMENTS, started=MOMENTS, passed=st.integers(0, 2**36))
def test_what_is_due_has_been_reached(speed: float, first: int, started: int, passed: int) -> None:
    pace = Pace(speed, first, started)
    # A microsecond of the clock is `speed` of the recording; two roundings stay within it.
    assert abs(pace.reached(pace.due(first + passed)) - (first + passed)) <= speed + 1


@given(speed=SPEEDS, first=MOMENTS, started=MOMENTS, passed=st.lists(st.integers(0, 2**36), min_size=1))
def test_a_column_is_due_as_its_values_are(speed: float, first: int, started: int, passed: list[int]) -> None:
    pace = Pace(speed, first, started)
    times = np.array([first + each for each in sorted(passed)])
    due = pace.due_times(times).tolist()
    assert due == [pace.due(time) for time in times.tolist()]
    assert due == sorted(due)


@given(
    times=st.lists(st.integers(0, 50), max_size=60).map(sorted),
    clock=st.lists(st.integers(0, 60)).map(sorted),
    at_most=st.integers(1, 10),
)
def test_frames_are_released_in_order_never_early_and_never_twice(
    times: list[int], clock: list[int], at_most: int
) -> None:
    column, done = np.array(times, dtype=np.int64), 0
    for reached in clock:
        upto = released(column, done, reached, at_most)
        batch = times[done:upto]
        assert all(time <= reached for time in batch)
        assert upto >= done
        assert len([time for time in batch if time < max(batch)]) < at_most
        done = upto
    for _ in times:
        done = released(column, done, 60, at_most)
    assert done == len(times)


def test_frames_of_one_instant_stay_together() -> None:
    assert released(np.array([1, 2, 2, 2, 3], dtype=np.int64), done=0, reached=9, at_most=2) == 4
