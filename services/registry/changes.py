"""Wakes whoever watches a model, whichever replica of the registry changed it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from andon.database import Database
from andon.database.connection import AWAY
from andon.telemetry import Metrics, get_logger
from services.registry.store import CHANNEL

_log = get_logger(__name__)
_RETRY_S = 1.0
#: A connection that died without a word is found out by asking this often.
_ASK_S = 5.0


class Changes:
    """Hears of changes through PostgreSQL's LISTEN, and wakes those who wait for them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._waiting: dict[asyncio.Event, frozenset[str]] = {}

    async def listen(self, database: Database) -> None:
        """Hear of changes until cancelled. Whatever was not heard while the database was away is taken as changed."""
        while True:
            try:
                async with database.acquire() as connection:
                    await self._listen(connection)
            except AWAY as error:
                self._metrics.set("andon_database_away", 1)
                _log.warning("the database is away, changes are not heard", error=repr(error))
            await asyncio.sleep(_RETRY_S)

    async def _listen(self, connection: Any) -> None:
        await connection.add_listener(CHANNEL, self._hear)
        try:
            self._wake(None)
            self._metrics.set("andon_database_away", 0)
            while True:
                await asyncio.sleep(_ASK_S)
                await connection.execute("SELECT")
        finally:
            with contextlib.suppress(*AWAY):
                await connection.remove_listener(CHANNEL, self._hear)

    @contextlib.asynccontextmanager
    async def watched(self, names: Iterable[str]) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set whenever one of these models changes, for as long as the block lasts."""
        changed = asyncio.Event()
        self._waiting[changed] = frozenset(names)
        try:
            yield changed
        finally:
            del self._waiting[changed]

    def _hear(self, _: Any, __: int, ___: str, name: object) -> None:
        self._wake(str(name))

    def _wake(self, name: str | None) -> None:
        for changed, names in self._waiting.items():
            if name is None or name in names:
                changed.set()
