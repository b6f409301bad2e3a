"""The other system: connections that only read, what a table looks like, and its pages."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr

from andon.clock import MILLISECOND, SECOND
from andon.connection import check_dsn
from andon.database.connection import AWAY
from andon.errors import ConfigError
from andon.plant.plain import Problem
from services.mes import statement
from services.mes.columns import column_problems
from services.mes.event import joined
from services.mes.mapping import System, Table
from services.mes.progress import ReadRow
from services.mes.scale import scale_of
from services.mes.statement import Cursor, Statement

Connection = asyncpg.Connection
"""A connection to another system."""
#: How much longer than the server we wait for the end of a statement, seconds.
_PATIENCE_S = 5.0
_CLOSE_S = 1.0


class TableError(Exception):
    """A table is not as its mapping says.

    Attributes:
        problems: all that is wrong; places are below the table's in the mapping file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, problem.place))}: {problem.text}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of watermark and key.

    Attributes:
        rows: at most as many as were asked for.
        end: where the page ended; None when there are no rows.
    """

    rows: Sequence[ReadRow] = ()
    end: Cursor | None = None


def read_dsn(system: System) -> SecretStr:
    """Return the address of a system.

    Raises:
        ConfigError: it is not there, or is no address of a PostgreSQL server.
    """
    try:
        return check_dsn(system.dsn.read())
    except ValueError as error:
        raise ConfigError(f"the dsn of system {system.name} {error}") from None


@contextlib.asynccontextmanager
async def connected(system: System, dsn: SecretStr) -> AsyncIterator[Connection]:
    """Give a connection for the length of an `async with` block.

    Raises:
        asyncpg.PostgresError, OSError, TimeoutError, asyncpg.InterfaceError: the system is away, or refuses us.
    """
    connection = await asyncpg.connect(
        dsn.get_secret_value(),
        ssl=system.tls.context() or False,  # not what an environment variable may say
        timeout=system.timeout / SECOND,
        command_timeout=system.statement_timeout / SECOND + _PATIENCE_S,
        statement_cache_size=0,  # so that PgBouncer may share the server's connections out by transaction
        server_settings={"application_name": "andon-mes"},
    )
    try:
        yield connection
    finally:
        with contextlib.suppress(*AWAY, asyncpg.PostgresError):
            await connection.close(timeout=_CLOSE_S)


class TableReader:
    """Reads one table; `opened` makes one.

    Attributes:
        table: its mapping.
        scale: of its watermark.
    """

    def __init__(self, connection: Connection, system: System, table: Table, types: dict[str, str]) -> None:
        self._connection, self._system, self.table, self._types = connection, system, table, types
        scale = scale_of(types.get(table.watermark, ""))
        problems = list(column_problems(table, types))
        if problems or scale is None:
            raise TableError(problems)
        self.scale = scale

    @classmethod
    async def opened(cls, connection: Connection, system: System, table: Table) -> TableReader:
        """Look at a table.

        Raises:
            TableError: it is not as the mapping says.
        """
        found = await _fetch(connection, system, Statement(statement.COLUMNS, table.relation))
        return cls(connection, system, table, {row["name"]: row["type"] for row in found})

    async def newest(self) -> int:
        """Return the highest watermark that a row can honestly have now."""
        ((text,),) = await self._fetch(statement.newest(self.table, self.scale))
        return 0 if text is None else self.scale.newest(text, self.table.time_zone)

    async def page(self, start: int | Cursor | None, limit: int) -> Page:
        """Return the next rows: from a watermark on, behind a row, or from the beginning."""
        sql = statement.page(self.table, self._types, self.scale, start, limit)
        records = await self._fetch(sql)
        if not records:
            return Page()
        rows = [self._row(tuple(record.values())) for record in records]
        watermark, *key = records[-1].values()
        return Page(rows, Cursor(watermark, tuple(key[: len(self.table.key)])))

    async def doubts(self) -> list[Problem]:
        """Return what looks like a mistake in the data, or in what was taken for watermark and key; reads all rows."""
        found = []
        if await self._fetch(statement.without_watermark(self.table, self._types)):
            found.append(Problem(("watermark",), f"{self.table.watermark} is null in some rows, which are never read"))
        for record in await self._fetch(statement.repeated_key(self.table, self._types)):
            key = joined(tuple(record.values()))
            text = f"several rows have the key {key!r}: the newest counts (if they are different things, add columns)"
            found.append(Problem(("key",), text))
        return found

    async def _fetch(self, sql: Statement) -> list[asyncpg.Record]:
        return await _fetch(self._connection, self._system, sql)

    def _row(self, values: Sequence[str]) -> ReadRow:
        columns = 1 + len(self.table.key)
        row = dict(zip(self.table.columns, values[columns:], strict=True))
        return ReadRow(self.scale.number(values[0]), joined(values[1:columns]), row)


async def _fetch(connection: Connection, system: System, sql: Statement) -> list[asyncpg.Record]:
    """Run a statement in a transaction of its own, which cannot write, and in which texts have one form only."""
    timeout_ms = system.statement_timeout // MILLISECOND
    async with connection.transaction(readonly=True):
        await connection.execute(
            f"SET LOCAL statement_timeout = {timeout_ms:d}; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'"
        )
        return await connection.fetch(sql.sql, *sql.arguments)
