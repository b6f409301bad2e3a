"""Whether a figure grows: slopes and their intervals, of noise that remembers, and what a soak says of them."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from bench.soak_chart import chart
from bench.soak_samples import Measure, Samples, findings, memory_limits
from bench.trend import Trend, Verdict, judge, trend

STEP_S = 5.0
SAMPLES = 360
MINUTE_S = 60


def ar1(seed: int, *, alike: float, count: int = SAMPLES) -> NDArray[np.float64]:
    """Noise of deviation one that resembles itself from sample to sample."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=count)
    for number in range(1, count):
        noise[number] = alike * noise[number - 1] + math.sqrt(1 - alike**2) * noise[number]
    return noise


def at(count: int = SAMPLES) -> NDArray[np.float64]:
    return np.arange(count, dtype=np.float64) * STEP_S


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
def test_the_interval_holds_a_planted_slope_as_often_as_it_says(alike: float) -> None:
    planted = 0.01
    found = [trend(at(), planted * at() + 100 + ar1(seed, alike=alike)) for seed in range(200)]
    held = sum(each.low <= planted <= each.high for each in found)
    assert 0.92 <= held / len(found) <= 0.98
    assert abs(np.mean([each.slope for each in found]) - planted) < 1e-4


def test_samples_that_resemble_each_other_are_worth_fewer() -> None:
    restless, slow = (trend(at(), ar1(1, alike=alike)) for alike in (0.0, 0.9))
    assert slow.worth < SAMPLES / 5 < 0.7 * SAMPLES < restless.worth
    assert slow.high - slow.low > 2 * (restless.high - restless.low)


def test_what_never_changes_is_flat_and_two_samples_say_nothing() -> None:
    still = trend(at(), np.full(SAMPLES, 12.0))
    assert (still.slope, still.low, still.high) == (0, 0, 0)
    assert judge(still, 1_024) is Verdict.FLAT
    assert judge(trend([0, 5], [1, 2]), 1_024) is Verdict.OPEN
    with pytest.raises(ValueError, match="1 samples have no slope"):
        trend([0], [1])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.001, 0.002, Verdict.FLAT),  # 173 a day on top of 300 stays below 512
        (0.001, 0.002, Verdict.FLAT),  # it grows, but a day more is not enough
        (0.001, 0.003, Verdict.GROWS),
        (-0.001, 0.003, Verdict.OPEN),
        (-0.003, -0.001, Verdict.FLAT),
    ],
)
def test_a_verdict_is_by_what_a_day_adds_at_the_upper_end(low: float, high: float, verdict: Verdict) -> None:
    assert judge(Trend(300, (low + high) / 2, low, high, 50), 512) is verdict


def test_what_is_above_its_limit_already_is_not_flat() -> None:
    assert judge(Trend(600, -0.01, -0.02, -0.005, 50), 512) is not Verdict.FLAT


def soaked(memory: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Samples:
    """What a soak samples of a service with this memory: it warms up, is restless, and does not answer once."""
    seconds = at()
    warming = 80 * np.exp(-seconds / 120)
    lag = np.abs(ar1(2, alike=0.5))
    lag[200] = math.nan
    figures = {
        Measure.MEMORY: memory(seconds) - warming + 1.5 * ar1(3, alike=0.8),
        Measure.FILES: np.full(SAMPLES, 40.0),
        Measure.THREADS: np.full(SAMPLES, 15.0),
        Measure.LAG: lag,
    }
    return Samples(list(seconds), {("context", measure): list(of) for measure, of in figures.items()}, [0.0] * SAMPLES)


def test_a_service_that_only_warms_up_is_flat_and_one_that_leaks_a_mib_a_minute_grows() -> None:
    limits = memory_limits(["context", "historian"])
    assert limits["historian"] > limits["context"] > 0
    flat = findings(soaked(lambda seconds: np.full(len(seconds), 220.0)), limits)
    assert {each.verdict for each in flat} == {Verdict.FLAT}
    leaking = findings(soaked(lambda seconds: 220 + seconds / MINUTE_S), limits)
    assert {each.measure for each in leaking if each.verdict is Verdict.GROWS} == {Measure.MEMORY}
    assert chart(soaked(lambda seconds: 220 + seconds / MINUTE_S)).count("<polyline") == len(Measure)


def leaking() -> list[float]:
    """Return the resident memory of this process, MiB, after each of 60 MiB that it keeps."""
    process, kept, seen = psutil.Process(os.getpid()), [], []
    for number in range(60):
        # Touched, so that it is resident; not of what the heap has been given back.
        kept.append(mmap.mmap(-1, 1 << 20))
        kept[-1].write(os.urandom(1 << 20))
        seen.append(process.memory_info().rss / 2**20)
        assert len(kept) == number + 1
    return seen


def test_a_leak_of_a_real_process_is_found() -> None:
    # In one of its own, as other tests give and take memory in this one.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        seen = processes.submit(leaking).result()
    found = trend(np.arange(60) * STEP_S, seen)
    assert found.low <= 1 / STEP_S * 1.1
    assert judge(found, found.level + 1_000) is Verdict.GROWS
