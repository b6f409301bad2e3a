"""Quality marks, drawn as a line: `.` good, m missing, b bad, u uncertain, o out of range, r rate, s stuck."""

from __future__ import annotations

import math

import pytest

from tests.context.frames import NOW, SECOND, T0, emitted, line, marks, plant, processor, raw

GOOD, UNCERTAIN, BAD, RESERVED = 0x0000_0000, 0x4094_0000, 0x808C_0000, 0xC000_0000


def test_what_is_not_there_or_not_finite_is_missing() -> None:
    assert marks([1.0, None, math.nan, math.inf, 2.0]) == ".mmm."
    assert marks([1, None], kind="integer") == ".m"
    assert marks([True, None], kind="boolean") == ".m"
    assert marks(["on", None], kind="state", states=["on"]) == ".m"


def test_a_waveform_is_missing_unless_it_is_whole() -> None:
    waves = [([1.0], 10.0), ([], 10.0), ([1.0, None], 10.0), ([math.nan], 10.0), ([1.0], None), ([1.0], 0.0)]
    values = [{"samples": samples, "rate_hz": rate} for samples, rate in waves]
    assert marks([*values, None], kind="waveform") == ".mmmmmm"


def test_the_range_includes_its_ends() -> None:
    assert marks([-0.1, 0.0, 5.0, 10.0, 10.1], range=[0, 10]) == "o...o"
    assert marks([-1, 0, 11], kind="integer", range=[0, 10]) == "o.o"


def test_the_range_is_in_the_model_s_unit() -> None:
    assert marks([50.0, 211.9, 212.1], unit="degC", source_unit="degF", range=[0, 100]) == "..o"


def test_a_state_that_is_not_in_the_model_is_out_of_range() -> None:
    assert marks(["off", "auto", "of", ""], kind="state", states=["off", "auto"]) == "..oo"


@pytest.mark.parametrize(
    ("status", "mark"), [(None, "."), (GOOD, "."), (UNCERTAIN, "u"), (BAD, "b"), (RESERVED, "b"), (BAD - 2**32, "b")]
)
def test_the_source_s_status_counts_by_its_severity(status: int | None, mark: str) -> None:
    model = plant({"x": {}, "y": {}})
    rows = raw(model, [{"values": {"x": 1.0, "y": 1.0}, "status": {"x": status, "y": None}}])
    frame = emitted(processor(model).process("pump", rows, NOW))
    assert (line(frame, "x"), line(frame, "y")) == (mark, ".")


def test_of_several_marks_the_first_in_rank_is_given() -> None:
    model = plant({"x": {"range": [0, 10], "max_rate": 1, "stuck_after": "1s"}})
    samples = [(1.0, None), (None, BAD), (99.0, BAD), (99.0, UNCERTAIN), (99.0, None), (9.0, None), (7.0, None)]
    rows = raw(model, [{"values": {"x": value}, "status": {"x": status}} for value, status in samples])
    assert line(emitted(processor(model).process("pump", rows, NOW))) == ".mbuor."


def test_a_spike_is_impossible_and_what_follows_it_is_not() -> None:
    assert marks([10, 11, 99, 12, 13], max_rate=5) == "..r.."
    assert marks([10, 11, 99, 98, 97, 12], max_rate=5) == "..rrr."
    assert marks([10, 99, 11, 99, 12, 99, 13], max_rate=5) == ".r.r.r."


def test_the_rate_is_per_second_and_may_be_reached() -> None:
    assert marks([0, 1, 2, 2.6], times=[0, 0.5, 1, 1.25], max_rate=2) == "...r"


def test_samples_that_are_not_plausible_otherwise_are_no_predecessors() -> None:
    assert marks([10, None, 99, 20], max_rate=5, range=[0, 50]) == ".mo."
    assert marks([10, 99, 11], max_rate=5, range=[0, 50]) == ".o."


def test_a_step_is_believed_once_its_predecessor_is_more_than_ten_scans_old() -> None:
    assert marks([0] + [50] * 13, max_rate=1) == "." + "r" * 10 + "..."
    assert marks([0] + [5] * 8, max_rate=1) == ".rrrr...."  # ... or once it was possible


def test_late_frames_cause_no_rates_and_have_none() -> None:
    assert marks([0, 4, 8, 99, 12], times=[0, 1, 2, 1.5, 3], max_rate=5) == "....."
    assert marks([0, 4, 8, 8, 12], times=[0, 1, 2, 2, 3], max_rate=5) == "...."  # the repeated frame is not sent on


def test_a_value_that_rests_too_long_is_stuck() -> None:
    assert marks([5] * 8, stuck_after="3s") == "....ssss"
    assert marks([5] * 5 + [6] * 5, stuck_after="3s") == "....s....s"
    assert marks([True] * 6, kind="boolean", stuck_after="3s") == "....ss"
    assert marks(["a", "b", "b", "b"], kind="state", states=["a", "b"], stuck_after="1s") == "...s"


def test_a_rest_goes_on_over_missing_samples_but_not_over_a_long_gap() -> None:
    assert marks([5, None, None, None, 5, 5], stuck_after="3s") == ".mmmss"
    assert marks([5, 5, 5, 5], times=[0, 10, 20, 21], stuck_after="15s") == "..ss"  # ten scans may lie between
    assert marks([5, 5, 5, 5], times=[0, 16, 32, 33], stuck_after="15s") == "...."


def test_noise_within_the_deadband_is_rest() -> None:
    assert marks([5, 5.1, 4.9, 5.1, 4.9, 5.1], stuck_after="3s", deadband=0.1001) == "....ss"
    assert marks([5, 5.1, 4.9, 5.1, 4.9, 5.1], stuck_after="3s", deadband=0.05) == "......"


def test_a_slow_drift_is_no_rest() -> None:
    """A bearing that warms up slowly changes by less than the deadband from sample to sample."""
    assert marks([20 + 0.02 * second for second in range(120)], stuck_after="5s", deadband=0.05) == "." * 120


def test_a_stuck_value_is_a_predecessor_and_a_spike_ends_the_rest() -> None:
    assert marks([5, 5, 5, 50, 5, 6], stuck_after="1s", max_rate=2) == "..sr.."


def test_a_tag_that_is_sampled_rarely_is_judged_by_its_own_rate() -> None:
    assert marks([0, 90, 0], times=[0, 10, 20], max_rate=5, rate_hz=0.1) == ".r."
    assert marks([0, 90, 0], times=[0, 11, 22], max_rate=5) == "..."  # more than ten scans: no predecessor


def test_frames_of_a_clock_that_ran_ahead_are_not_remembered() -> None:
    model = plant({"x": {"max_rate": 1}})
    ahead = {"time": T0 + 400 * SECOND, "ingest_time": T0 + SECOND, "values": {"x": 50.0}}
    rows = raw(model, [{"values": {"x": 0.0}}, ahead, {"values": {"x": 1.0}}, {"values": {"x": 50.0}}])
    assert line(emitted(processor(model).process("pump", rows, NOW))) == "...r"


@pytest.mark.parametrize(("silence", "drawn"), [(70.0, ".r"), (70.1, "..")])
def test_after_a_long_silence_an_asset_starts_afresh(silence: float, drawn: str) -> None:
    model = plant({"x": {"max_rate": 1}})
    late = T0 + round(silence * SECOND)
    rows = raw(model, [{"values": {"x": 0.0}}, {"values": {"x": 50.0}, "ingest_time": late}])
    assert line(emitted(processor(model).process("pump", rows, NOW))) == drawn


def test_assets_are_judged_apart() -> None:
    model = plant({"x": {"max_rate": 1, "stuck_after": "2s"}}, assets=("a", "b"))
    frames = [
        {"asset": "ab"[number % 2], "time": T0 + number // 2 * SECOND, "values": {"x": number % 2 * 50.0}}
        for number in range(10)
    ]
    assert line(emitted(processor(model).process("pump", raw(model, frames), NOW))) == "......ssss"
