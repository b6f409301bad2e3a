"""Waiting for what is away: the database, or room on the lake's disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import asyncpg

from andon.database.connection import persist
from andon.errors import DatabaseError
from andon.telemetry import Metrics, get_logger
from services.historian.lake.files import NoRoomError

_log = get_logger(__name__)
_T = TypeVar("_T")


#: What else time can mend: a full disk, a server that is a standby after a failover, transactions in each other's way.
_NOT_NOW = (
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
)


class Patience:
    """Tries again until it works, and says so meanwhile.

    Args:
        pause_s: seconds between two attempts.
        metrics: where to tell.

    Attributes:
        database_away: whether the last attempt with the database failed.
        disk_full: whether the last attempt with the disk failed.
    """

    def __init__(self, pause_s: float, metrics: Metrics) -> None:
        self._pause_s, self._metrics = pause_s, metrics
        self.database_away = self.disk_full = False
        self._tell()

    @property
    def waiting(self) -> bool:
        """Whether anything is waited for."""
        return self.database_away or self.disk_full

    async def with_database(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Return what *attempt* returns, once the database is there for it."""
        result = await persist(partial(_now, attempt), self._pause_s, lambda: self._note_database(away=True))
        self._note_database(away=False)
        return result

    async def with_disk(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        """Return what *attempt* returns, once there is room for it."""
        while True:
            try:
                result = await attempt()
            except NoRoomError as error:
                self.note_disk(full=True, reason=str(error))
                await asyncio.sleep(self._pause_s)
            else:
                self.note_disk(full=False)
                return result

    def note_disk(self, *, full: bool, reason: str = "") -> None:
        """Take note whether the disk has room."""
        if full and not self.disk_full:
            _log.error("the lake's disk is full, raw frames wait", reason=reason)
        if self.disk_full and not full:
            _log.info("the lake's disk has room again")
        self.disk_full = full
        self._tell()

    def _note_database(self, *, away: bool) -> None:
        self.database_away = away
        self._tell()

    def _tell(self) -> None:
        self._metrics.set("andon_database_away", self.database_away)
        self._metrics.set("andon_lake_full", self.disk_full)


async def _now(attempt: Callable[[], Awaitable[_T]]) -> _T:
    try:
        return await attempt()
    except _NOT_NOW as error:
        raise DatabaseError(f"the database cannot do it now: {error}") from error
