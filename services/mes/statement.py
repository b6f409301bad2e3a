"""The statements that read other systems: identifiers quoted, values bound. Pure.

All columns are read as text, for which PostgreSQL's own output is defined whatever the type, so that no value of a row
can keep the rows beside it from being read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.mes.mapping import Table
from services.mes.scale import Scale

COLUMNS = """
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, -1) AS type
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
"""
"""Name and type of the columns of a table or view; its arguments are schema and name."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: its last row's watermark and key, as read."""

    watermark: str
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text, and the values of its parameters."""

    sql: str
    arguments: Sequence[str | int]


def identifier(name: str) -> str:
    """Return a name quoted as SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def page(table: Table, types: Mapping[str, str], scale: Scale, start: int | Cursor | None, limit: int) -> Statement:
    """Return the statement that reads the next rows in the order of watermark and key.

    Its columns are: watermark, each column of the key ('' for null), `table.columns`.

    Args:
        table: what to read.
        types: the columns and their types' SQL names, as the server gave them.
        scale: of the watermark.
        start: lowest watermark, or the row that the page comes after; None begins at the beginning.
        limit: most rows.
    """
    bound = _Bound()
    watermark = identifier(table.watermark)
    keys = _keys(table)
    order = [watermark, *(f'{key} COLLATE "C"' for key in keys)]
    conditions = _filters(table, types, bound)
    if start is None:
        conditions.append(f"{watermark} IS NOT NULL")
    elif isinstance(start, Cursor):
        after = (bound.value(start.watermark, scale), *(bound.value(key, "text") for key in start.key))
        conditions.append(f"({', '.join(order)}) > ({', '.join(after)})")
    else:
        conditions.append(f"{watermark} >= {bound.value(scale.text(start), scale)}")
    columns = [f"{watermark}::text", *keys, *(f"{identifier(name)}::text" for name in table.columns)]
    sql = (
        f"SELECT {', '.join(columns)} FROM {_relation(table)} "  # noqa: S608 - all quoted
        f"WHERE {' AND '.join(conditions)} ORDER BY {', '.join(order)} LIMIT {limit:d}"
    )
    return Statement(sql, bound.arguments)


def newest(table: Table, scale: Scale) -> Statement:
    """Return the statement for the highest watermark that a row can honestly have now: the time, or the last number."""
    if scale is not Scale.INTEGER:
        return Statement("SELECT now()::text", ())
    return Statement(f"SELECT max({identifier(table.watermark)})::text FROM {_relation(table)}", ())  # noqa: S608


def without_watermark(table: Table, types: Mapping[str, str]) -> Statement:
    """Return the statement that finds a row without a watermark, if there is one."""
    bound = _Bound()
    conditions = [*_filters(table, types, bound), f"{identifier(table.watermark)} IS NULL"]
    sql = f"SELECT 1 FROM {_relation(table)} WHERE {' AND '.join(conditions)} LIMIT 1"  # noqa: S608 - all quoted
    return Statement(sql, bound.arguments)


def repeated_key(table: Table, types: Mapping[str, str]) -> Statement:
    """Return the statement that finds a key, column by column, that several rows have, if there is one."""
    bound = _Bound()
    keys = ", ".join(_keys(table))
    conditions = " AND ".join(("true", *_filters(table, types, bound)))
    sql = f"SELECT {keys} FROM {_relation(table)} WHERE {conditions} "  # noqa: S608 - all quoted
    return Statement(f"{sql} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1", bound.arguments)


def _relation(table: Table) -> str:
    return ".".join(map(identifier, table.relation))


def _keys(table: Table) -> list[str]:
    return [f"coalesce({identifier(column)}::text, '')" for column in table.key]


def _filters(table: Table, types: Mapping[str, str], bound: _Bound) -> list[str]:
    return [f"{identifier(column)} = {bound.value(value, types[column])}" for column, value in table.where.items()]


class _Bound:
    """The parameters of a statement. All are texts that the server casts, so that no type needs a codec here."""

    def __init__(self) -> None:
        self.arguments: list[str | int] = []

    def value(self, text: str, type_name: str) -> str:
        """Take a value and return the expression that stands for it."""
        self.arguments.append(text)
        return f"CAST(${len(self.arguments)}::text AS {type_name})"
