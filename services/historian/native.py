"""Tables divided by PostgreSQL itself: one partition for each day or month, made before rows need it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from andon.database import Database
from andon.database.names import literal, quoted, shortened
from andon.telemetry import get_logger
from services.historian.merge import forget_statement
from services.historian.tables import Table, create_statements, index_statements

_log = get_logger(__name__)
_SCHEMA = "history_part"
#: Rows of a batch in hand may be older than what is kept by now by this much.
_MARGIN = timedelta(hours=1)
#: A reader that is in the way of a partition's end is left in peace; the next round tries again.
_PATIENCE = "2s"
_LONG_S = 3_600.0
#: A partition's comment says of which table it is, and from when on.
_FROM = " from "
_ATTACHED, _DETACHED = "relispartition", "NOT relispartition"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its name with its schema, and the times that it covers (the end is exclusive)."""

    sql_name: str
    start: datetime
    end: datetime


def partition_of(table: Table, moment: datetime) -> Partition:
    """Return the partition that a time, UTC, belongs to."""
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if table.span == "month":
        start = start.replace(day=1)
        end = (start + timedelta(days=31)).replace(day=1)
    else:
        end = start + timedelta(days=1)
    name = shortened(f"{table.name}_{start:%Y%m%d}")
    return Partition(f"{_SCHEMA}.{quoted(name)}", start, end)


def partitions_of(table: Table, days: Iterable[datetime]) -> set[Partition]:
    """Return the partitions that *days* belong to."""
    return {partition_of(table, day) for day in days}


class NativePartitions:
    """Makes and drops partitions. One for all tables of a process."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def create(self, table: Table) -> Iterator[str]:
        """Yield what makes a table."""
        for statement in create_statements(table):
            yield f"{statement} PARTITION BY RANGE (time)"
        yield from index_statements(table)

    async def make_room(self, database: Database, table: Table, days: Iterable[datetime]) -> None:
        """Make the partitions that rows of these days need."""
        for partition in sorted(partitions_of(table, days), key=lambda each: each.start):
            if partition.sql_name not in self._known:
                async with database.acquire() as connection, connection.transaction():
                    await _make(connection, table, partition)
                self._known.add(partition.sql_name)

    def forget(self) -> None:
        """Look again which partitions there are."""
        self._known.clear()

    async def prune(self, database: Database, table: Table, before: datetime) -> int:
        """Drop the partitions that end before a time, and return how many they were."""
        for start in await _starts(database, table, _ATTACHED):
            partition = partition_of(table, start)
            if partition.end <= before - _MARGIN:
                self._known.discard(partition.sql_name)
                await _detach(database, table, partition)
        detached = await _starts(database, table, _DETACHED)
        for start in detached:
            await _drop(database, table, partition_of(table, start))
        return len(detached)


async def _make(connection: PoolConnectionProxy, table: Table, partition: Partition) -> None:
    # Attached, not created in place: that would wait for all who read the table, and all others for it.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", partition.sql_name)
    if await connection.fetchval("SELECT to_regclass($1)", partition.sql_name):
        return
    await connection.execute(f"CREATE TABLE {partition.sql_name} (LIKE {table.sql_name} INCLUDING ALL)")
    comment = literal(f"{table.sql_name}{_FROM}{partition.start.isoformat()}")
    await connection.execute(f"COMMENT ON TABLE {partition.sql_name} IS {comment}")
    await connection.execute(
        f"ALTER TABLE {table.sql_name} ATTACH PARTITION {partition.sql_name} "
        f"FOR VALUES FROM ('{partition.start.isoformat()}') TO ('{partition.end.isoformat()}')"
    )


async def _starts(database: Database, table: Table, which: str) -> list[datetime]:
    """Return when the table's partitions begin, those that are part of it or those that were taken out."""
    rows = await database.fetch(
        "SELECT split_part(obj_description(oid, 'pg_class'), $2, 2)::timestamptz AS start FROM pg_class "
        f"WHERE relnamespace = '{_SCHEMA}'::regnamespace AND relkind = 'r' AND {which} "
        "AND starts_with(obj_description(oid, 'pg_class'), $1 || $2) ORDER BY 1",
        table.sql_name,
        _FROM,
    )
    return [row["start"].astimezone(UTC) for row in rows]


async def _detach(database: Database, table: Table, partition: Partition) -> None:
    try:
        async with database.acquire() as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
            await connection.execute(f"ALTER TABLE {table.sql_name} DETACH PARTITION {partition.sql_name}")
    except asyncpg.LockNotAvailableError:
        _log.warning("a partition is being read and is dropped later", partition=partition.sql_name)


async def _drop(database: Database, table: Table, partition: Partition) -> None:
    """Drop what was detached. Its rows are counted once more, which takes a while, but is in nobody's way."""
    async with database.acquire() as connection, connection.transaction():
        await connection.fetchval(forget_statement(table, partition.sql_name), timeout=_LONG_S)
        await connection.execute(
            "UPDATE history.extent SET first_time = $1 WHERE relation = $2 AND first_time < $1",
            partition.end,
            table.sql_name,
        )
        await connection.execute(f"DROP TABLE {partition.sql_name}")
    _log.info("partition dropped", partition=partition.sql_name)
