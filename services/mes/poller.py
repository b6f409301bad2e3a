"""One system: its connection, and turns for all of its tables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg
from pydantic import SecretStr

from andon.backoff import Backoff
from andon.clock import SECOND
from andon.database.connection import AWAY
from andon.telemetry import get_logger
from services.mes.feed import Feed
from services.mes.mapping import System
from services.mes.source import Connection, connected

_log = get_logger(__name__)
_FIGURES_S = 1.0


class Poller:
    """Asks a system's tables for news, over one connection.

    Args:
        system: the system.
        dsn: its address.
        feeds: its tables.
    """

    def __init__(self, system: System, dsn: SecretStr, feeds: Sequence[Feed]) -> None:
        self._system, self._dsn, self._feeds = system, dsn, feeds
        self._backoff = Backoff(first=SECOND)

    async def run(self) -> None:
        """Ask until cancelled; a system that is away, or refuses us, is tried again, less and less often."""
        while True:
            try:
                async with connected(self._system, self._dsn) as connection:
                    await self._ask(connection)
            except (*AWAY, asyncpg.PostgresError) as error:
                for feed in self._feeds:
                    feed.away()
                wait_s = self._backoff.next() / SECOND
                _log.warning("the system is away", system=self._system.name, error=repr(error), again_in_s=wait_s)
                await asyncio.sleep(wait_s)

    async def show_lag(self) -> None:
        """Keep the tables' lag up to date, until cancelled."""
        while True:
            for feed in self._feeds:
                feed.show_lag()
            await asyncio.sleep(_FIGURES_S)

    async def _ask(self, connection: Connection) -> None:
        _log.info("connected", system=self._system.name, tables=len(self._feeds))
        while True:
            await self._round(connection)
            self._backoff.reset()
            await asyncio.sleep(self._system.every / SECOND)

    async def _round(self, connection: Connection) -> None:
        """Read all tables to their ends, page by page in turns, so that a long one holds up no other."""
        unfinished = [feed for feed in self._feeds if feed.due]
        while unfinished:
            unfinished = [feed for feed in unfinished if await feed.page(connection)]
