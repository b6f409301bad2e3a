"""Connections to PostgreSQL, with the settings that every service shares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from andon.clock import SECOND
from andon.errors import ConfigError, DatabaseError
from andon.settings import DatabaseSettings
from andon.telemetry import get_logger

_log = get_logger(__name__)

#: What a database that is away, starting or shutting down raises; the same statement can be tried again.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
#: What no trying again can mend.
_WRONG = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
#: Name of the pool's connections in `pg_stat_activity`.
_APPLICATION = "andon"

Database = asyncpg.Pool
"""A pool of connections."""
_Result = TypeVar("_Result")


@asynccontextmanager
async def connect(settings: DatabaseSettings, *, application: str = _APPLICATION) -> AsyncIterator[Database]:
    """Give a pool of connections for the length of an `async with` block.

    Args:
        settings: where the database is.
        application: name of the connections, for whoever looks at the server.

    Raises:
        ConfigError: no database is configured, or it refuses us for good.
        DatabaseError: it does not answer.
    """
    pool = await _open(settings, application)
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(settings.timeout / SECOND):
                await pool.close()
        except TimeoutError:
            pool.terminate()


async def _open(settings: DatabaseSettings, application: str) -> Database:
    if settings.dsn is None:
        raise ConfigError("ANDON_DATABASE__DSN is not set: name the PostgreSQL database")
    timeout_s = settings.timeout / SECOND
    try:
        return await asyncpg.create_pool(
            settings.dsn.get_secret_value(),
            ssl=settings.tls.context() or False,  # not what an environment variable may say
            min_size=1,
            max_size=settings.connections,
            timeout=timeout_s,
            command_timeout=settings.statement_timeout / SECOND,
            server_settings={"application_name": application, "timezone": "UTC"},
        )
    except _WRONG as error:
        raise ConfigError(f"the database refuses us: {error}; correct ANDON_DATABASE__DSN") from None
    except AWAY as error:
        raise DatabaseError(f"the database does not answer: {error!r}") from error


async def persist(attempt: Callable[[], Awaitable[_Result]], pause_s: float, on_away: Callable[[], None]) -> _Result:
    """Return what *attempt* returns, tried again and again while the database is away.

    Args:
        attempt: what to do; must be safe to repeat.
        pause_s: seconds between two attempts.
        on_away: called after each attempt that failed (for a metric).
    """
    while True:
        try:
            return await attempt()
        except (*AWAY, DatabaseError) as error:
            on_away()
            _log.warning("the database is away, trying again", error=repr(error))
            await asyncio.sleep(pause_s)
