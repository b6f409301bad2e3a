"""Merging rows into a table: each event once, however often it was read, and its highest revision.

Rows are copied into a temporary table and inserted from there. Those that are later than all that is there of their
asset cannot meet any with the same key, and are inserted without a look. Otherwise rows that are older than what came
are deleted, and what came is inserted but for what is there. What is inserted and deleted is counted in
`history.extent`, in the same transaction.
"""

from __future__ import annotations

import contextlib
import io

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from andon.database.names import literal, quoted, shortened
from services.historian.rows import Rows
from services.historian.tables import Table

#: Columns of marks: only those that there are.
_MARKS = ("quality", "status")


async def merge(connection: PoolConnectionProxy, table: Table, rows: Rows) -> int:
    """Merge *rows* and return how many are new; to be called inside a transaction."""
    staging = shortened(f"new_{table.name}")
    await connection.execute(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {quoted(staging)} (LIKE {table.sql_name}) ON COMMIT DELETE ROWS"
    )
    await connection.copy_to_table(
        staging, schema_name="pg_temp", source=io.BytesIO(rows.csv), columns=list(table.columns), format="csv"
    )
    if not await connection.fetchval(f"SELECT {_meets(table, quoted(staging))}"):
        # Nothing is there but for what a worker that had these partitions before is writing at this moment.
        with contextlib.suppress(asyncpg.UniqueViolationError):
            async with connection.transaction():
                return int(await connection.fetchval(insert_statement(table, quoted(staging), meets=False)))
    # The planner knows nothing of a table that was just filled; a hash join would read the whole history.
    await connection.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    replaced = await connection.fetchval(delete_statement(table, quoted(staging)), rows.first, rows.last)
    inserted = await connection.fetchval(insert_statement(table, quoted(staging), meets=True))
    return int(inserted - replaced)


def insert_statement(table: Table, staging: str, *, meets: bool) -> str:
    """Return what inserts rows, counts them and returns their number.

    Args:
        table: where to.
        staging: where from, as it stands in a statement.
        meets: whether some may be there; they are left out.
    """
    columns = ", ".join(map(quoted, table.columns))
    values = ", ".join(
        f"jsonb_strip_nulls({quoted(name)})" if name in _MARKS else quoted(name) for name in table.columns
    )
    conflict = f"ON CONFLICT ({', '.join(map(quoted, table.key))}) DO NOTHING " if meets else ""
    change = (
        f"INSERT INTO {table.sql_name} ({columns}) SELECT {values} FROM {staging} {conflict}RETURNING {_counted(table)}"
    )
    return _noted(table, change, sign=1)


def delete_statement(table: Table, staging: str) -> str:
    """Return what deletes rows between times $1 and $2 that are older than those in *staging*, and counts them."""
    same = " AND ".join(f"was.{quoted(name)} = new.{quoted(name)}" for name in table.key)
    newer = "new.revision > was.revision"
    if table.version:
        newer = f"({newer} OR new.{quoted(table.version)} <> was.{quoted(table.version)})"
    change = (
        f"DELETE FROM {table.sql_name} AS was USING {staging} AS new WHERE {same} AND {newer} "
        f"AND was.time BETWEEN $1 AND $2 RETURNING {_counted(table, 'was.')}"
    )
    return _noted(table, change, sign=-1)


def forget_statement(table: Table, relation: str) -> str:
    """Return what takes all rows of *relation*, a part of the table, out of the count."""
    return _noted(table, f"SELECT {_counted(table)} FROM {relation}", sign=-1)


def _meets(table: Table, staging: str) -> str:
    """Return the condition that rows are there that are not earlier than all in *staging* of their asset."""
    return (
        f"EXISTS (SELECT FROM (SELECT asset_id, min(time) AS first_time FROM {staging} GROUP BY asset_id) AS new "
        f"JOIN history.extent USING (asset_id) "
        f"WHERE extent.relation = {literal(table.sql_name)} AND extent.last_time >= new.first_time)"
    )


def _counted(table: Table, prefix: str = "") -> str:
    return ", ".join(prefix + quoted(name) for name in ("asset_id", "time", *table.tags.values()))


def _noted(table: Table, change: str, *, sign: int) -> str:
    """Wrap a statement that returns changed rows, so that it returns their number and `history.extent` follows."""
    tags = ", ".join(map(literal, table.tags))
    counts = ", ".join(f"count({quoted(column)})::text" for column in table.tags.values())
    asset_class = "NULL" if table.asset_class is None else literal(table.asset_class)
    return f"""
WITH changed AS ({change}),
summed AS (
    SELECT asset_id, min(time) AS first_time, max(time) AS last_time, count(*) AS rows,
           jsonb_object(ARRAY[{tags}]::text[], ARRAY[{counts}]::text[]) AS tags
    FROM changed GROUP BY asset_id
),
noted AS (
    INSERT INTO history.extent (relation, stage, class, asset_id, first_time, last_time, rows, tags)
    SELECT {literal(table.sql_name)}, {literal(table.stage)}, {asset_class}, asset_id, first_time, last_time, rows,
           tags
    FROM summed ORDER BY asset_id
    ON CONFLICT (relation, asset_id) DO UPDATE SET
        first_time = least(extent.first_time, excluded.first_time),
        last_time = greatest(extent.last_time, excluded.last_time),
        rows = extent.rows + {sign} * excluded.rows,
        tags = history.added(extent.tags, excluded.tags, {sign})
)
SELECT coalesce(sum(rows), 0)::bigint FROM summed"""
