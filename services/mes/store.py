"""How far each table has been read, in Andon's own database."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from andon.database import Database
from andon.database.connection import persist
from andon.errors import DatabaseError
from andon.telemetry import Metrics, get_logger
from services.mes.progress import News, Progress, Seen

_log = get_logger(__name__)
_RETRY_S = 1.0
_Result = TypeVar("_Result")
_FORGET = "DELETE FROM andon.mes_watermark WHERE system = $1 AND kind = $2 AND definition <> $3 RETURNING definition"
_WATERMARK = "SELECT watermark FROM andon.mes_watermark WHERE system = $1 AND kind = $2"
_SEEN = "SELECT key, watermark, digest FROM andon.mes_told WHERE system = $1 AND kind = $2"
_SET_WATERMARK = """
INSERT INTO andon.mes_watermark (system, kind, definition, watermark) VALUES ($1, $2, $3, $4)
ON CONFLICT (system, kind) DO UPDATE
SET definition = excluded.definition, watermark = excluded.watermark, stored = clock_timestamp()
"""
_SET_SEEN = """
INSERT INTO andon.mes_told (system, kind, key, watermark, digest)
SELECT $1, $2, key, watermark, digest FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS t (key, watermark, digest)
ON CONFLICT (system, kind, key, watermark) DO UPDATE SET digest = excluded.digest
"""
_PRUNE = "DELETE FROM andon.mes_told WHERE system = $1 AND kind = $2 AND watermark < $3"


@dataclass(frozen=True, slots=True)
class Subject:
    """A table, as its progress is kept: another definition begins anew."""

    system: str
    kind: str
    definition: str


class Store:
    """Keeps progress. A database that is away, or full, is waited for.

    Args:
        database: Andon's own.
        metrics: where to count.
    """

    def __init__(self, database: Database, metrics: Metrics) -> None:
        self._database, self._metrics = database, metrics

    async def load(self, subject: Subject, reach: int) -> Progress:
        """Return what is known of a table."""
        return await persist(lambda: _answered(self._load(subject, reach)), _RETRY_S, self._away)

    async def save(self, subject: Subject, progress: Progress, news: News) -> None:
        """Keep that *news* were told, and the watermark, in one transaction."""
        await persist(lambda: _answered(self._save(subject, progress, news)), _RETRY_S, self._away)

    def _away(self) -> None:
        self._metrics.count("andon_mes_store_retries_total")

    async def _load(self, subject: Subject, reach: int) -> Progress:
        table = subject.system, subject.kind
        async with self._database.acquire() as connection, connection.transaction():
            if await connection.fetchval(_FORGET, *table, subject.definition):
                _log.warning("the mapping was changed, its table is read from the beginning", table="/".join(table))
            high = await connection.fetchval(_WATERMARK, *table)
            rows = await connection.fetch(_SEEN, *table)
        seen: Seen = {(row["key"], row["watermark"]): row["digest"] for row in rows}
        return Progress(reach, high, seen)

    async def _save(self, subject: Subject, progress: Progress, news: News) -> None:
        table = subject.system, subject.kind
        keys, watermarks = [key for key, _ in news.seen], [watermark for _, watermark in news.seen]
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute(_SET_WATERMARK, *table, subject.definition, progress.high)
            await connection.execute(_SET_SEEN, *table, keys, watermarks, list(news.seen.values()))
            await connection.execute(_PRUNE, *table, progress.low)


async def _answered(attempt: Awaitable[_Result]) -> _Result:
    """Return what an attempt does; whatever the database refuses it for, a person may put right while we wait."""
    try:
        return await attempt
    except asyncpg.PostgresError as error:
        raise DatabaseError(f"the database does not take watermarks: {error}") from error
