"""Migrations are applied once, in order, whoever comes first; what was told can be asked as it was known."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from andon.database import Migration, connect, migrate, migrations
from andon.errors import ConfigError, DatabaseError
from andon.settings import DatabaseSettings

T0 = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def test_workers_that_start_together_migrate_once(database: DatabaseSettings) -> None:
    async with connect(database) as one, connect(database) as other:
        applied = await asyncio.gather(migrate(one), migrate(other), migrate(one))
        assert sorted(map(len, applied)) == [0, 0, len(migrations())]


async def test_a_migration_that_fails_leaves_nothing_behind(database: DatabaseSettings) -> None:
    broken = Migration(1, "broken", "CREATE TABLE andon.half (id int); SELECT 1 / 0")
    async with connect(database) as pool:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await migrate(pool, [broken])
        assert await pool.fetchval("SELECT to_regclass('andon.half')") is None
        assert await pool.fetchval("SELECT count(*) FROM andon.migration") == 0


async def test_a_migration_that_was_changed_is_refused(database: DatabaseSettings) -> None:
    async with connect(database) as pool:
        await migrate(pool, [Migration(1, "first", "SELECT 1")])
        with pytest.raises(ConfigError, match=r"migration 1 \(first\) was changed"):
            await migrate(pool, [Migration(1, "first", "SELECT 2")])
        with pytest.raises(ConfigError, match="use a newer version"):
            await migrate(pool, [])


async def test_a_database_that_does_not_answer_is_told_from_one_that_refuses(database: DatabaseSettings) -> None:
    away = DatabaseSettings.model_validate({"dsn": "postgresql://andon@127.0.0.1:1/andon", "timeout": "1s"})
    with pytest.raises(DatabaseError, match="does not answer"):
        async with connect(away):
            pass
    dsn = database.dsn.get_secret_value() if database.dsn else ""
    with pytest.raises(ConfigError, match="refuses us"):
        async with connect(DatabaseSettings.model_validate({"dsn": dsn.replace("/test_", "/no_such_")})):
            pass
    with pytest.raises(ConfigError, match="ANDON_DATABASE__DSN is not set"):
        async with connect(DatabaseSettings()):
            pass


TELL = "SELECT andon.tell('o-1', 'order', 'line/pump-1', $1, $2, $3, $4, $5)"


async def test_what_was_known_at_a_moment_can_be_asked_for(database: DatabaseSettings) -> None:
    async with connect(database) as pool:
        await migrate(pool)
        assert await pool.fetchval(TELL, "4711", T0, None, '{"product": "a"}', 0)
        before = await pool.fetchval("SELECT clock_timestamp()")
        assert await pool.fetchval(TELL, "4711", T0, T0 + HOUR, '{"product": "b"}', 1)
        assert not await pool.fetchval(TELL, "4711", T0, T0 + HOUR, '{"product": "b"}', 1), "told again"
        assert not await pool.fetchval(TELL, "4711", T0, None, '{"product": "c"}', 0), "an older revision"
        then = await pool.fetch("SELECT attributes ->> 'product', valid_to FROM andon.known_at($1)", before)
        assert [tuple(row) for row in then] == [("a", None)]
        now = await pool.fetch("SELECT product, valid_to FROM andon.orders")
        assert [tuple(row) for row in now] == [("b", T0 + HOUR)]


async def test_nothing_can_be_told_that_ends_before_it_begins(database: DatabaseSettings) -> None:
    async with connect(database) as pool:
        await migrate(pool)
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.fetchval(TELL, "4711", T0, T0 - HOUR, "{}", 0)
