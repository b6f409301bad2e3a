"""The rolling score: the share of good samples, each cell of event time weighing half as much as the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.plant import AssetClass
from andon.quality import Arrivals, Scores

SECOND = 1_000_000
HALF_LIFE = 10 * SECOND
MISSING = 1
CLASS = AssetClass.model_validate({"tags": {"x": {}, "y": {}}})
Frame = tuple[int, int, int]


def arrivals(assets: Sequence[int], times: Sequence[int], ingest: Sequence[int] | None = None) -> Arrivals:
    """Return frames at *times* (seconds) that come in when they are made, or at *ingest*."""
    time = np.array(times, np.int64) * SECOND
    came = time if ingest is None else np.array(ingest, np.int64) * SECOND
    return Arrivals(np.array(assets, np.int64), time, came, np.arange(len(time)), np.ones(len(time), np.bool_))


def scores(judge: Scores, good: Sequence[int], at: Arrivals) -> list[float]:
    """Score frames of two tags, of which so many are good."""
    codes = {"x": np.array([number < 1 for number in good], np.uint8), "y": np.array([n < 2 for n in good], np.uint8)}
    return [float(score) for score in judge.update(at, codes)]


def test_a_frame_s_score_is_the_share_of_good_samples_so_far_its_own_included() -> None:
    assert scores(Scores(CLASS, 1), [2, 1, 0, 2], arrivals([0] * 4, [0, 1, 2, 3])) == [1.0, 0.75, 0.5, 0.625]


def test_each_half_life_back_weighs_half_and_after_five_nothing_is_left() -> None:
    judge = Scores(CLASS, 1, HALF_LIFE)
    assert scores(judge, [0, 2], arrivals([0, 0], [0, 10])) == [0.0, round(2 / 3, 4)]
    assert scores(judge, [2, 2], arrivals([0, 0], [40, 50])) == [round((1 + 1 / 8) / (1 + 1 / 8 + 1 / 16), 4), 1.0]


def test_late_frames_have_no_score_and_are_not_counted() -> None:
    found = scores(Scores(CLASS, 1), [2, 0, 2], arrivals([0] * 3, [5, 4, 6]))
    assert [found[0], found[2]] == [1.0, 1.0]
    assert math.isnan(found[1])


def test_an_asset_starts_afresh_after_a_silence_longer_than_the_score_looks_back() -> None:
    judge = Scores(CLASS, 1, HALF_LIFE)
    assert scores(judge, [0, 2, 2], arrivals([0] * 3, [0, 1, 2], ingest=[0, 50, 101])) == [0.0, 0.5, 1.0]


def test_a_tag_that_is_sampled_rarely_is_not_missed() -> None:
    tags = {"x": {}, "y": {"rate_hz": 0.1}}
    codes = {"x": np.zeros(2, np.uint8), "y": np.array([0, MISSING], np.uint8)}
    at = arrivals([0] * 2, [0, 1])
    assert Scores(AssetClass.model_validate({"tags": tags}), 1).update(at, codes).tolist() == [1.0, 1.0]
    assert Scores(AssetClass.model_validate({"tags": {**tags, "y": {}}}), 1).update(at, codes).tolist() == [1.0, 0.75]


def defined(frames: Sequence[Frame]) -> list[float]:
    """Return scores as the definition says, frame by frame."""
    found: list[float] = []
    counted: dict[int, list[tuple[int, int]]] = {}
    for asset, time, good in frames:
        before = counted.setdefault(asset, [])
        if before and time <= max(earlier for earlier, _ in before):
            found.append(math.nan)
            continue
        before.append((time, good))
        ages = [(time // 10 - earlier // 10, number) for earlier, number in before]
        near = [(Fraction(1, 2**age), number) for age, number in ages if age <= 4]
        share = sum(weight * number for weight, number in near) / sum(2 * weight for weight, _ in near)
        found.append(round(float(share), 4))
    return found


@given(
    frames=st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 12), st.integers(0, 2)), min_size=1, max_size=80),
    cuts=st.lists(st.integers(0, 80), max_size=8),
)
def test_scores_are_as_defined_however_frames_are_cut_into_batches(frames: list[Frame], cuts: list[int]) -> None:
    clock = [0, 0, 0]
    timed = []
    for asset, pause, good in frames:
        clock[asset] += max(pause, 0)
        timed.append((asset, clock[asset] + min(pause, 0) * 5 + 100, good))
    judge, found = Scores(CLASS, 3, HALF_LIFE), []
    for start, end in pairwise(sorted({0, len(timed), *(cut % (len(timed) + 1) for cut in cuts)})):
        assets, times, goods = zip(*timed[start:end], strict=True)
        found += scores(judge, goods, arrivals(assets, times))
    assert found == pytest.approx(defined(timed), abs=0, nan_ok=True)
