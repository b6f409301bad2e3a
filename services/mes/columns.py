"""Whether a table is as its mapping says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from andon.plant.plain import Problem, suggestion
from services.mes.mapping import Table
from services.mes.scale import Scale, scale_of

_TIMES = (("watermark",), ("start",), ("end",))
_ZONELESS = (Scale.LOCAL, "date")


def column_problems(table: Table, types: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what does not fit between a mapping and its table; places are below the table's in the file.

    Args:
        table: the mapping.
        types: the table's columns and their types' SQL names; none when there is no such table.
    """
    if not types:
        yield Problem(("from",), f"there is no table or view {table.source} (check schema and name; capitals count)")
        return
    for place, column in (*table.uses(), *((("where", column), column) for column in table.where)):
        if column not in types:
            yield Problem(place, f"there is no column {column!r} ({suggestion(column, types)})")
        elif place == ("watermark",) and scale_of(types[column]) is None:
            text = f"{column} is of type {types[column]}, not a timestamp or an integer (cast it in a view)"
            yield Problem(place, text)
        elif place in _TIMES and types[column] in _ZONELESS and table.time_zone is None:
            yield Problem(place, f"{column} has no time zone (add `time_zone`)")
