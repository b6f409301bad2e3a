"""The history in the database: its tables made ready, rows merged into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

import asyncpg
import polars as pl
from asyncpg.pool import PoolConnectionProxy

from andon.database import Database
from andon.database.names import literal
from andon.database.relation import columns_of
from andon.errors import ConfigError, DatabaseError
from andon.plant import Plant
from andon.telemetry import get_logger
from andon.uns import Stage
from services.historian.merge import merge
from services.historian.mirror import mirror
from services.historian.native import NativePartitions
from services.historian.rows import Rows
from services.historian.tables import SCHEMA, Table, alter_statements, tables_of
from services.historian.timescale import Hypertables, minute_view
from services.historian.views import View, class_views, label_view

_log = get_logger(__name__)
#: Key of the advisory lock under which tables are made.
_LOCK = int.from_bytes(b"history", "big")


class Division(Protocol):
    """How tables are divided by time."""

    def create(self, table: Table) -> Iterator[str]:
        """Yield the statements that make a table."""

    async def make_room(self, database: Database, table: Table, days: Iterable[datetime]) -> None:
        """Make ready for rows of these days."""

    def forget(self) -> None:
        """Look again what there is: somebody else has changed it."""

    async def prune(self, database: Database, table: Table, before: datetime) -> int:
        """Drop what is older than *before*, as far as whole parts are, and return how many parts were dropped."""


class Archive:
    """The tables of one plant.

    Args:
        database: a pool; its schema must be up to date (`andon.database.migrate`).
        tables: all tables, by stage and asset class.
        asset_ids: asset path to number.
        division: how the tables are divided by time.
    """

    def __init__(
        self,
        database: Database,
        tables: Mapping[tuple[Stage, str | None], Table],
        asset_ids: Mapping[str, int],
        division: Division,
    ) -> None:
        self.database, self.tables, self.asset_ids = database, tables, asset_ids
        self._division = division

    async def write(self, table: Table, rows: Rows, days: Iterable[datetime]) -> int:
        """Merge rows of these days into a table and return how many are new.

        Raises:
            DatabaseError: somebody dropped a partition; trying again can help.
        """
        await self._division.make_room(self.database, table, days)
        try:
            async with self.database.acquire() as connection, connection.transaction():
                return await merge(connection, table, rows)
        except asyncpg.CheckViolationError as error:  # "no partition of relation found for row"
            self._division.forget()
            raise DatabaseError(f"a partition has gone: {error}") from error

    async def prune(self, table: Table, before: datetime) -> int:
        """Drop what is older than *before* and return how many partitions that were."""
        return await self._division.prune(self.database, table, before)


async def open_archive(database: Database, plant: Plant, now: datetime) -> Archive:
    """Make the tables of a plant ready: mirror the model, make tables, add columns for new tags.

    Raises:
        ConfigError: a tag changed its kind, a class has too many tags, or the database's user may not make tables.
    """
    tables = tables_of(plant)
    try:
        async with database.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            division = await _division(connection)
            asset_ids = await mirror(connection, plant, now)
            for table in tables.values():
                await _bring_up_to_date(connection, table, division)
            for view in _views(plant, tables, division):
                await _show(connection, view)
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigError(f"the database's user may not make the tables of the history: {error}") from None
    return Archive(database, tables, asset_ids, division)


async def _division(connection: PoolConnectionProxy) -> Division:
    """Return how tables are divided: as they are already, or else by TimescaleDB if it is installed."""
    installed = await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'")
    native = await connection.fetchval(
        "SELECT count(*) FROM pg_class WHERE relkind = 'p' AND relnamespace = to_regnamespace($1)", SCHEMA
    )
    return Hypertables() if installed and not native else NativePartitions()


def _views(plant: Plant, tables: Mapping[tuple[Stage, str | None], Table], division: Division) -> Iterator[View]:
    yield from class_views(plant, tables)
    yield label_view()
    if isinstance(division, Hypertables):
        minutes = (minute_view(tables[Stage.CONTEXT, name]) for name in plant.classes)
        yield from (view for view in minutes if view)


async def _show(connection: PoolConnectionProxy, view: View) -> None:
    """Make a view, unless it is there as it should be: making it anew takes back what was granted on it."""
    known = await connection.fetchval("SELECT obj_description(to_regclass($1))", view.sql_name)
    if known == view.digest:
        return
    try:
        await connection.execute(f"DROP {view.kind} IF EXISTS {view.sql_name}")
    except asyncpg.DependentObjectsStillExistError as error:
        raise ConfigError(f"{view.sql_name} must be made anew, but others are built on it: {error.detail}") from None
    await connection.execute(view.sql)
    await connection.execute(f"COMMENT ON {view.kind} {view.sql_name} IS {literal(view.digest)}")


async def _bring_up_to_date(connection: PoolConnectionProxy, table: Table, division: Division) -> None:
    existing = await columns_of(connection, table.sql_name)
    statements = alter_statements(table, existing) if existing else list(division.create(table))
    for statement in statements:
        await connection.execute(statement)
    if statements:
        _log.info("history extended" if existing else "history begun", table=table.sql_name)


def days_of(rows: pl.DataFrame) -> list[datetime]:
    """Return the days of column `time`."""
    days: list[datetime] = rows["time"].dt.truncate("1d").unique().to_list()
    return days
