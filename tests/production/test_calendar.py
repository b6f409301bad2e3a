"""Shifts are written in local time, and are as long as the clock on the wall says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from andon.plant import Plant
from andon.production.calendar import shift_facts

HOUR = 3_600_000_000
EARLY = {"name": "early", "start": "06:00", "end": "14:00"}
LATE = {"name": "late", "start": "14:00", "end": "22:00"}
NIGHT = {"name": "night", "start": "22:00", "end": "06:00"}


def plant(**changes: Any) -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": "north",
            "classes": {"pump": {"tags": {"flow": {}}}},
            "assets": {"line/pump": {"class": "pump"}},
            "time_zone": "Europe/Berlin",
            "shifts": [EARLY, LATE, NIGHT],
            **changes,
        }
    )


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def hours(site: Plant, start: str, end: str) -> dict[str, float]:
    """Length of each shift that starts between two moments of UTC."""
    low, high = micros(start), micros(end)
    return {f.name: ((f.end or 0) - f.start) / HOUR for f in shift_facts(site, low, high) if low <= f.start < high}


def test_a_night_shift_belongs_to_the_day_on_which_it_starts() -> None:
    found = {fact.name: fact for fact in shift_facts(plant(), micros("2026-06-01"), micros("2026-06-02"))}
    assert found["2026-06-01 night"].start == micros("2026-06-01T20:00")
    assert found["2026-05-31 night"].end == micros("2026-06-01T04:00")


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", "2026-03-28", 7),
        ("Europe/Berlin", "2026-10-24", 9),
        ("America/Chicago", "2026-03-07", 7),
        ("America/Chicago", "2026-10-31", 9),
        ("Australia/Lord_Howe", "2026-04-04", 8.5),
        ("Asia/Kolkata", "2026-03-28", 8),
    ],
)
def test_the_night_on_which_clocks_change_is_an_hour_shorter_or_longer(zone: str, day: str, length: float) -> None:
    following = datetime.fromisoformat(day) + timedelta(days=2)
    assert hours(plant(time_zone=zone), day, following.isoformat())[f"{day} night"] == length


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_shifts_that_meet_in_the_hour_that_changes_leave_no_gap(day: str) -> None:
    site = plant(shifts=[{**NIGHT, "end": "02:30"}, {**EARLY, "start": "02:30"}, LATE])
    found = sorted(shift_facts(site, micros(f"{day}T00:00"), micros(f"{day}T20:00")), key=lambda fact: fact.start)
    assert all(one.end == other.start for one, other in pairwise(found))


def test_days_closed_and_days_of_the_week_have_no_shift() -> None:
    site = plant(shifts=[{**EARLY, "days": ["mon", "fri"]}], closed=["2026-06-05"])
    assert list(hours(site, "2026-06-01", "2026-06-13")) == ["2026-06-01 early", "2026-06-08 early", "2026-06-12 early"]


@pytest.mark.parametrize("moment", [0, 2**53, 1])
def test_any_time_has_its_shifts_or_none(moment: int) -> None:
    assert len(list(shift_facts(plant(), moment, moment + HOUR))) <= 3
