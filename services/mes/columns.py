"""Whether a table is as its mapping says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from andon.plant.references import suggestion
from services.mes.mapping import Table
from services.mes.scale import Scale, scale_of

_ZONELESS = (Scale.LOCAL, "date")


def column_faults(table: Table, types: Mapping[str, str]) -> Iterator[str]:
    """Yield what does not fit between a mapping and its table, and what to do.

    Args:
        table: the mapping.
        types: the table's columns and their types' SQL names; none when there is no such table.
    """
    if not types:
        yield f"from: there is no table or view {table.source} (check schema and name; capitals count)"
        return
    for use, column in (*table.uses(), *((f"where.{column}", column) for column in table.where)):
        if column not in types:
            yield f"{use}: there is no column {column!r} ({suggestion(column, types)})"
        elif use == "watermark" and scale_of(types[column]) is None:
            yield (
                f"watermark: {column} is of type {types[column]}, and must be a timestamp or an integer "
                "(cast it in a view)"
            )
        elif use in ("watermark", "start", "end") and types[column] in _ZONELESS and table.time_zone is None:
            yield f"{use}: {column} has no time zone (add `time_zone`)"
