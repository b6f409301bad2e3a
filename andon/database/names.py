"""Names and texts in SQL statements, where they cannot be arguments."""

from __future__ import annotations

import hashlib

#: PostgreSQL's limit on names, bytes; names of the plant model are ASCII.
_MAX_NAME = 63
_HASH_DIGITS = 8


def shortened(name: str) -> str:
    """Return *name* if PostgreSQL takes it, otherwise its beginning and a hash of all of it."""
    if len(name) <= _MAX_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{name[: _MAX_NAME - _HASH_DIGITS - 1]}_{digest}"


def quoted(name: str) -> str:
    """Return an identifier as it stands in a statement."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as it stands in a statement."""
    return "'" + text.replace("'", "''") + "'"


def tag_column(tag: str) -> str:
    """Return the column that holds a tag in the tables of frames; no other column begins so."""
    return shortened(f"tag_{tag}")
