"""Asking the run back from the historian."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import asyncpg

_LONGEST_S = 60.0
_OEE = """
SELECT DISTINCT ON (asset, shift, product) asset, shift, product, availability, effectiveness, quality_ratio, oee_index
FROM history.kpi ORDER BY asset, shift, product, revision DESC
"""


@dataclass(frozen=True, slots=True)
class ShiftOee:
    """OEE of an asset in one shift for one product; None where it cannot be known."""

    asset: str
    shift: str
    product: str | None
    availability: float | None
    effectiveness: float | None
    quality: float | None
    oee: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the historian answers.

    Attributes:
        rows: rows it holds, by stage.
        oee: indicators by asset, shift and product.
        corrected: frames that have been sent again with a corrected context.
    """

    rows: dict[str, int]
    oee: tuple[ShiftOee, ...]
    corrected: int


async def ask(dsn: str, context_frames: int, corrected: int) -> Asked:
    """Ask for everything, once as many context frames are there as were sent, and OEE has followed.

    Args:
        dsn: of the database.
        context_frames: how many frames were sent.
        corrected: how many of them were sent again.
    """
    connection = await asyncpg.connect(dsn)
    try:
        asked = await _ask(connection)
        deadline = asyncio.get_running_loop().time() + _LONGEST_S
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.5)
            touched = await connection.fetchval("SELECT count(*) FROM oee.touched_minute")
            before, asked = asked, await _ask(connection)
            there = asked.rows.get("context", 0) >= context_frames and asked.corrected >= corrected
            if there and not touched and before == asked and asked.oee:
                break
        return asked
    finally:
        await connection.close()


async def _ask(connection: asyncpg.Connection) -> Asked:
    rows = await connection.fetch(
        "SELECT stage, sum(rows)::bigint AS rows FROM history.extent GROUP BY stage ORDER BY stage"
    )
    tables = await connection.fetch("SELECT DISTINCT relation FROM history.extent WHERE stage = 'context'")
    corrected = 0
    for table in tables:
        corrected += await connection.fetchval(f"SELECT count(*) FROM {table['relation']} WHERE revision > 0")  # noqa: S608
    oee = [ShiftOee(*row) for row in await connection.fetch(_OEE)]
    return Asked({row["stage"]: row["rows"] for row in rows}, tuple(oee), corrected)
