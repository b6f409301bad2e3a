"""Dropping what is older than its stage is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg

from andon.clock import SECOND, Clock
from andon.database.connection import AWAY
from andon.telemetry import Metrics, get_logger
from services.historian.archive import Archive
from services.historian.settings import HistorianSettings

_log = get_logger(__name__)


async def prune_forever(archive: Archive, settings: HistorianSettings, metrics: Metrics, clock: Clock) -> None:
    """Drop partitions that are older than their stage is kept, at the start and then again and again."""
    while True:
        for table in archive.tables.values():
            kept = settings.retention.of(table.stage)
            if kept:
                before = datetime.fromtimestamp((clock() - kept) // SECOND, UTC)
                try:
                    dropped = await archive.prune(table, before)
                except (*AWAY, asyncpg.PostgresError) as error:
                    _log.warning("not pruned, trying again later", table=table.sql_name, error=repr(error))
                else:
                    metrics.count("andon_history_dropped_total", dropped, stage=table.stage)
        await asyncio.sleep(settings.prune_interval / SECOND)
