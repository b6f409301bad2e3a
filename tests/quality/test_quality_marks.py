"""Quality marks, drawn as a line: `.` good, m missing, b bad, u uncertain, o out of range, r rate, s stuck,
p spike, i inconsistent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.plant import AssetClass
from andon.plant.columns import TAG_DTYPES
from andon.quality import Arrivals, Inspector

SECOND = 1_000_000
GOOD, UNCERTAIN, BAD, RESERVED = 0x0000_0000, 0x4094_0000, 0x808C_0000, 0xC000_0000
#: One letter for each mark, `.` for a good sample.
LETTERS = {
    None: ".",
    "missing": "m",
    "bad": "b",
    "uncertain": "u",
    "out_of_range": "o",
    "impossible_rate": "r",
    "stuck": "s",
    "spike": "p",
    "inconsistent": "i",
}


def marks(
    values: Sequence[Any],
    times: Sequence[float] | None = None,
    *,
    status: Sequence[int | None] | None = None,
    assets: Sequence[int] | None = None,
    ingest: Sequence[float] | None = None,
    believed: Sequence[bool] | None = None,
    **tag: Any,
) -> str:
    """Draw the marks of one tag's values, taken once a second or at *times* (seconds).

    What is not given is as usual: good status, one asset, frames that come in when they are made and are believed.
    """
    asset_class = AssetClass.model_validate({"tags": {"x": tag}})
    count = len(values)
    time = np.round(np.array(range(count) if times is None else times) * SECOND).astype(np.int64)
    arrivals = Arrivals(
        asset=np.array([0] * count if assets is None else assets),
        time=time,
        ingest_time=time if ingest is None else np.round(np.array(ingest) * SECOND).astype(np.int64),
        offset=np.arange(count),
        believable=np.array([True] * count if believed is None else believed),
    )
    judged = Inspector(asset_class, 2).inspect(
        pl.DataFrame({"x": pl.Series(values, dtype=TAG_DTYPES[asset_class.tags["x"].kind])}).to_struct(),
        pl.DataFrame({"x": pl.Series([None] * count if status is None else status, dtype=pl.Int64)}).to_struct(),
        arrivals,
    )
    return "".join(LETTERS[(quality or {}).get("x")] for quality in judged.quality)


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
    assert marks([1.0, 2.0], status=[status, None]) == mark + "."


def test_of_several_marks_the_first_in_rank_is_given() -> None:
    samples = [(1.0, None), (None, BAD), (99.0, BAD), (99.0, UNCERTAIN), (99.0, None), (9.0, None), (7.0, None)]
    values, status = zip(*samples, strict=True)
    assert marks(values, status=status, range=[0, 10], max_rate=1, stuck_after="1s") == ".mbuor."


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
    assert marks([0, 4, 8, 99, 12], times=[0, 1, 2, 2, 3], max_rate=5) == "....."


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


def test_frames_that_are_not_believed_are_not_remembered() -> None:
    believed = [True, False, True, True]
    assert marks([0, 50, 1, 50], times=[0, 400, 2, 3], ingest=range(4), believed=believed, max_rate=1) == "...r"


@pytest.mark.parametrize(("silence", "drawn"), [(70.0, ".r"), (70.1, "..")])
def test_after_a_long_silence_an_asset_starts_afresh(silence: float, drawn: str) -> None:
    assert marks([0, 50], ingest=[0, silence], max_rate=1) == drawn


def test_assets_are_judged_apart() -> None:
    times = [number // 2 for number in range(10)]
    assert marks([0, 50] * 5, times, assets=[0, 1] * 5, max_rate=1, stuck_after="2s") == "......ssss"


def test_a_spike_is_marked_at_once_and_what_follows_it_is_not() -> None:
    assert marks([10, 11, 99, 12, 13], max_step=5) == "..p.."
    assert marks([10, 11, 99, -99, 12, 13], max_step=5) == "..pp.."
    assert marks([10, 15, 20, 25.1], max_step=5) == "...p"


def test_a_level_that_three_samples_confirm_is_the_new_normal() -> None:
    assert marks([10, 50, 52, 54, 55, 10, 54], max_step=5) == ".pp..p."
    assert marks([10, 50, 60, 62, 64], max_step=5) == ".ppp."  # 50 and 60 do not confirm each other
    assert marks([10, 50, 52, 10, 50, 52, 10], max_step=5) == ".pp.pp."  # back in between


def test_a_spike_is_off_the_last_plausible_sample_and_not_only_off_the_one_before() -> None:
    assert marks([10, 50, 46, 40, 10], max_step=5) == ".ppp."
    assert marks([10, 50, None, 11], max_step=5) == ".pm."


def test_a_level_counts_for_ten_scans_however_wild_the_samples_are() -> None:
    wild = [0, *(50 + 20 * (number % 2) for number in range(13))]
    assert marks(wild, max_step=1) == "." + "p" * 10 + ".p."
    assert marks([0, 90], times=[0, 10], max_step=1) == ".p"
    assert marks([0, 90], times=[0, 11], max_step=1) == ".."


def test_spikes_rank_behind_rates_and_stuck_values_and_late_frames_are_none() -> None:
    assert marks([0, 99, 1, 7], max_step=5, max_rate=50) == ".r.p"
    assert marks([0, 9, 9, 9], max_step=5, stuck_after="500ms") == ".pss"
    assert marks([0, 4, 99, 8], times=[0, 1, 0.5, 2], max_step=5) == "...."


@given(st.lists(st.sampled_from([0.0, 1.0, 1.5, 8.0, 9.0, 20.0, math.nan]), min_size=1, max_size=90))
def test_spikes_are_as_defined_step_by_step(values: list[float]) -> None:
    """Within one cell of event time, which is ten samplings long and so 100 s here, the rule is just this."""
    drawn, level, before, away = "", math.nan, math.nan, 0
    for value in values:
        if math.isnan(value):
            drawn += "m"
            continue
        near = math.isnan(level) or abs(value - level) <= 2
        away = 0 if near else away + 1 if away and abs(value - before) <= 2 else 1
        if away in (0, 3):
            level, away = value, 0
        before = value
        drawn += "p" if away else "."
    assert marks(values, max_step=2, rate_hz=0.1) == drawn
