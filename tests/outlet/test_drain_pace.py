"""How fast the spool is drained."""

from __future__ import annotations

import pytest

from services.ingest.outlet.pace import Pace, RateMeter


def test_the_meter_shows_the_rate_and_forgets_it_when_nothing_comes() -> None:
    meter = RateMeter()
    for tick in range(2_000):
        meter.add(40, tick * 0.02)
    assert meter.rate(40.0) == pytest.approx(2_000, rel=0.01)
    assert meter.rate(45.0) == pytest.approx(2_000 / 2.718, rel=0.01)
    assert meter.rate(100.0) < 1


@pytest.mark.parametrize("each", [0.0, 0.003, 0.04])
def test_deliveries_keep_the_rate_however_long_each_takes(each: float) -> None:
    pace, now, count = Pace(), 100.0, 0
    while now < 110.0:
        now += pace.delay(now)
        now += each
        pace.spend(500, 10_000.0, now)
        count += 500
    assert count / 10.0 == pytest.approx(10_000, rel=0.05)


def test_time_in_which_nothing_could_be_delivered_is_not_made_up_for() -> None:
    pace, now, burst = Pace(), 1_000.0, 0
    while not pace.delay(now):
        pace.spend(500, 10_000.0, now)
        burst += 500
    assert burst <= 3_000
