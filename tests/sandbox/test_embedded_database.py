"""The embedded PostgreSQL is a real one, and keeps its data."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from sandbox.database import embedded_database


async def test_it_answers_and_keeps_its_data_for_the_next_start(tmp_path: Path) -> None:
    with embedded_database(tmp_path / "postgres") as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE alert (id text PRIMARY KEY)")
        await connection.execute("INSERT INTO alert VALUES ('a')")
        await connection.close()
    with embedded_database(tmp_path / "postgres") as dsn:
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT id FROM alert") == "a"
        await connection.close()
