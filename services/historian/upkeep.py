"""Dropping what is older than its stage is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

from andon.clock import SECOND, Clock
from andon.telemetry import Metrics
from services.historian.archive import Archive
from services.historian.patience import Patience
from services.historian.settings import HistorianSettings


async def prune_forever(
    archive: Archive, settings: HistorianSettings, patience: Patience, metrics: Metrics, clock: Clock
) -> None:
    """Drop partitions that are older than their stage is kept, at the start and then again and again."""
    while True:
        for table in archive.tables.values():
            kept = settings.retention.of(table.stage)
            if kept:
                before = datetime.fromtimestamp((clock() - kept) // SECOND, UTC)
                dropped = await patience.with_database(partial(archive.prune, table, before))
                metrics.count("andon_history_dropped_total", dropped, stage=table.stage)
        await asyncio.sleep(settings.prune_interval / SECOND)
