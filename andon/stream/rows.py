"""One JSON object a record, read into columns at once.

Polars takes longer for the fields of a nested object than for those of the record itself. So a wide object of numbers,
such as a feature vector, is cut out of its record and read as one of its own; with 64 numbers this takes a third less
processor time. It is cut only where that is safe, and whatever is odd about a batch makes it read the plain way.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence

import polars as pl
from polars.exceptions import PolarsError

#: Fewest fields of an object, and records of a batch, that are worth it.
_WIDE, _MANY = 16, 32
#: How an object can begin. Polars would unpack what begins like gzip or zstd, however large it becomes.
_STARTS = b"{ \t\r\n"


class RowReader:
    """Reads records of one schema.

    Args:
        schema: column to dtype.
    """

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._schema = dict(schema)
        self._wide = next((name for name, dtype in schema.items() if _is_wide(dtype)), None)

    def read(self, values: Sequence[bytes]) -> pl.DataFrame:
        """Return one row a record.

        Args:
            values: one JSON object each.

        Raises:
            PolarsError: one of them, or more, is something else, or does not fit the schema.
        """
        cut = _cut(values, self._wide) if self._wide and len(values) >= _MANY else None
        if self._wide and cut:
            with contextlib.suppress(PolarsError):  # what is wrong, and with which record, the plain way tells
                return self._joined(self._wide, *cut)
        return _parse(values, self._schema)

    def _joined(self, name: str, wide: Sequence[bytes], rest: Sequence[bytes]) -> pl.DataFrame:
        dtype = self._schema[name]
        column = _parse(wide, dict(dtype)).to_struct(name)  # type: ignore[call-overload]  # a Struct yields its fields
        others = {other: each for other, each in self._schema.items() if other != name}
        return _parse(rest, others).insert_column(list(self._schema).index(name), column)


def _is_wide(dtype: pl.DataType) -> bool:
    if not isinstance(dtype, pl.Struct):
        return False
    return len(dtype.fields) >= _WIDE and all(field.dtype == pl.Float64 for field in dtype.fields)


def _cut(values: Sequence[bytes], name: str) -> tuple[list[bytes], list[bytes]] | None:
    """Return the object *name* of each record, and what is left of each; None if one does not have it in plain form.

    Numbers hold no brace, so the object ends with the first one; an object that holds anything else is cut short, and
    fails to parse. A quote within a text is escaped, so a comma, the bare name and a colon are never part of one, and
    with a single brace before it the object is the record's own.
    """
    key = f',"{name}":{{'.encode()
    wide, rest = [], []
    for value in values:  # per-event Python: some searches, a fraction of what they save
        first = value.find(key)
        end = value.find(b"}", first)
        if first < 0 or end < 0 or value.count(b"{", 0, first) != 1 or value.find(key, end) >= 0:
            return None
        wide.append(value[first + len(key) - 1 : end + 1])
        rest.append(value[:first] + value[end + 1 :])
    return wide, rest


def _parse(values: Sequence[bytes], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    if values and values[0][:1] not in _STARTS:
        raise PolarsError("the first record is no JSON object")
    rows = pl.read_ndjson(io.BytesIO(_join(values)), schema=schema)
    if rows.height != len(values):
        raise PolarsError(f"{len(values)} records hold {rows.height} JSON objects")
    return rows


def _join(values: Sequence[bytes]) -> bytes:
    joined = b"\n".join(values)
    if joined.count(b"\n") == len(values) - 1:
        return joined
    # JSON allows line breaks between tokens and never inside a string, so a space says the same.
    return b"\n".join([value.replace(b"\n", b" ") for value in values])
