"""Migrations: plain SQL files, applied in order, once each, under a lock.

A file is one transaction with the row that says that it has been applied, so a crash leaves all of it or nothing.
Workers that start at the same time wait for one another. A file that was applied must never change: its digest is kept,
and another one is refused.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

from andon.database.connection import Database
from andon.errors import ConfigError
from andon.telemetry import get_logger

_log = get_logger(__name__)
_FILE = re.compile(r"(\d{4})_([a-z_]+)\.sql")
#: Key of the advisory lock: "andon" in ASCII.
_LOCK = int.from_bytes(b"andon", "big")
_TABLE = """
CREATE SCHEMA IF NOT EXISTS andon;
CREATE TABLE IF NOT EXISTS andon.migration (
    number  integer PRIMARY KEY,
    name    text NOT NULL,
    digest  text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name and SQL text."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return all migrations that this version brings, in order."""
    files = resources.files("andon.database").joinpath("migrations").iterdir()
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files
        if (match := _FILE.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


async def migrate(database: Database, wanted: list[Migration] | None = None) -> list[Migration]:
    """Apply what has not been applied yet.

    Args:
        database: a pool.
        wanted: all migrations there are; those of this version when not given.

    Returns:
        The migrations that were applied now.

    Raises:
        ConfigError: a migration that was applied has been changed since, the database is newer than this version, or
            a statement is refused.
    """
    wanted = migrations() if wanted is None else wanted
    async with database.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        try:
            await connection.execute(_TABLE)
            return await _apply(connection, wanted)
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigError(f"the database's user may not migrate: {error}") from None
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


async def _apply(connection: asyncpg.pool.PoolConnectionProxy, wanted: list[Migration]) -> list[Migration]:
    applied = {row["number"]: row["digest"] for row in await connection.fetch("SELECT * FROM andon.migration")}
    _check(applied, wanted)
    missing = [migration for migration in wanted if migration.number not in applied]
    for migration in missing:
        async with connection.transaction():
            await connection.execute(migration.sql)
            row = (migration.number, migration.name, migration.digest)
            await connection.execute("INSERT INTO andon.migration (number, name, digest) VALUES ($1, $2, $3)", *row)
        _log.info("migrated", number=migration.number, name=migration.name)
    return missing


def _check(applied: dict[int, str], wanted: list[Migration]) -> None:
    newer = sorted(applied.keys() - {migration.number for migration in wanted})
    if newer:
        raise ConfigError(f"the database has migrations that this version does not know ({newer}): use a newer version")
    for migration in wanted:
        if applied.get(migration.number, migration.digest) != migration.digest:
            raise ConfigError(f"migration {migration.number} ({migration.name}) was changed after it had been applied")
