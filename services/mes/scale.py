"""Watermarks: values of a timestamp or integer column as whole numbers that can be compared. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from andon.clock import to_datetime, to_micros
from services.mes.mapping import Table
from services.mes.moments import moment

_EARLIEST = to_micros(datetime.min.replace(tzinfo=UTC))
_LATEST = to_micros(datetime.max.replace(tzinfo=UTC))
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
#: Clocks without a time zone go back when summer time ends, by at most this much (Antarctica/Troll).
_CLOCKS_GO_BACK = 2 * 3_600_000_000


class Scale(StrEnum):
    """What a watermark column counts; the values are the types that it is compared in."""

    INTEGER = "bigint"
    """Numbers."""
    INSTANT = "timestamp with time zone"
    """Microseconds since 1970 UTC."""
    LOCAL = "timestamp without time zone"
    """Microseconds since 1970 by a clock on the wall."""

    def number(self, text: str) -> int:
        """Return the number of a value as PostgreSQL writes it; what no calendar here knows is far away."""
        if self is Scale.INTEGER:
            return int(text)
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:  # infinity, years before 1 and after 9999
            return _EARLIEST if text.startswith("-") or text.endswith("BC") else _LATEST
        return to_micros(parsed.replace(tzinfo=parsed.tzinfo or UTC))

    def text(self, number: int) -> str:
        """Return a number as PostgreSQL reads it."""
        if self is Scale.INTEGER:
            return str(min(max(number, _SMALLEST), _LARGEST))
        value = to_datetime(min(max(number, _EARLIEST), _LATEST))
        return value.replace(tzinfo=UTC if self is Scale.INSTANT else None).isoformat()

    def newest(self, text: str, zone: str | None) -> int:
        """Return the highest honest watermark.

        Args:
            text: the last number; or the time, with its offset from UTC.
            zone: of a clock on the wall.
        """
        if self is not Scale.LOCAL or zone is None:
            return self.number(text)
        local = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
        return to_micros(local.replace(tzinfo=UTC))

    def moment(self, number: int, zone: str | None) -> int | None:
        """Return the moment of a number, microseconds UTC; None for an integer."""
        if self is Scale.INTEGER:
            return None
        return moment(self.text(number), ZoneInfo(zone) if zone else UTC)

    def reach(self, table: Table) -> int:
        """Return how far below the watermark rows are read again."""
        if self is Scale.INTEGER:
            return table.lookback_numbers
        return table.lookback + (_CLOCKS_GO_BACK if self is Scale.LOCAL else 0)


def scale_of(type_name: str) -> Scale | None:
    """Return the scale of a column by its type's SQL name; None for a type that is no watermark."""
    if type_name in ("smallint", "integer", "bigint"):
        return Scale.INTEGER
    return Scale(type_name) if type_name in list(Scale) else None
