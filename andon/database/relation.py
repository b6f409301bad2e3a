"""What a table is like in the database."""

from __future__ import annotations

from asyncpg.pool import PoolConnectionProxy

from andon.database.connection import Database


async def columns_of(database: Database | PoolConnectionProxy, relation: str) -> dict[str, str]:
    """Return column to type, as PostgreSQL spells it; nothing if there is no such table.

    Args:
        database: a pool or one of its connections.
        relation: the table's name as it stands in a statement.
    """
    rows = await database.fetch(
        "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute "
        "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        relation,
    )
    return {row["attname"]: row["type"] for row in rows}
