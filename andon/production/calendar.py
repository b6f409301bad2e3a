"""The weekly calendar as facts: shifts in local time become stretches of UTC.

A shift is as long as the clock on the wall says: the night on which clocks go forward is an hour shorter, the one on
which they go back an hour longer. A start that the clock skips is taken for an hour later, one that it shows twice for
the first of the two; neighbours read the same clock, so that none overlap and nothing is between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from andon.clock import to_datetime, to_micros
from andon.plant import Plant
from andon.plant.production import Shift
from andon.production.facts import Fact, Kind

_DAY = timedelta(days=1)
#: A calendar needs a date: beyond these, there is none.
_FIRST, _LAST = date(1970, 1, 3), date(9998, 12, 31)


def shift_facts(plant: Plant, start: int, end: int) -> Iterator[Fact]:
    """Yield the calendar's shifts that lie in part between two moments, in microseconds UTC.

    They are named ``<production day> <name>``: a night shift belongs to the day on which it starts.
    """
    zone = ZoneInfo(plant.time_zone)
    first, last = _local_day(start, zone) - _DAY, _local_day(end, zone)
    for offset in range((last - first).days + 1):
        day = first + offset * _DAY
        for number, shift in enumerate(plant.shifts):
            if day.weekday() in {weekday.number for weekday in shift.days} and day not in plant.closed:
                fact = _fact(number, shift, day, zone)
                if fact.start < end and (fact.end or 0) > start:
                    yield fact


def _local_day(moment: int, zone: ZoneInfo) -> date:
    return min(max(to_datetime(moment).astimezone(zone).date(), _FIRST), _LAST)


def _fact(number: int, shift: Shift, day: date, zone: ZoneInfo) -> Fact:
    following = day if shift.end > shift.start else day + _DAY
    start, end = _instant(day, shift.start, zone), _instant(following, shift.end, zone)
    return Fact(
        f"calendar/{number}/{day}", 0, Kind.SHIFT, shift.place or "", f"{day} {shift.name}", start, max(start, end)
    )


def _instant(day: date, clock: time, zone: ZoneInfo) -> int:
    return to_micros(datetime.combine(day, clock, zone).astimezone(UTC))
