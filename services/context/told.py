"""What was told in the database: loaded at the start, heard of by NOTIFY, and put on the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from pydantic import ValidationError

from andon.clock import to_datetime, to_micros
from andon.contracts import PlantEvent
from andon.database import Database, connect, migrate
from andon.database.connection import AWAY
from andon.errors import DatabaseError
from andon.history import told_event
from andon.settings import DatabaseSettings
from andon.telemetry import get_logger

_log = get_logger(__name__)
_CHANNEL = "andon.plant_event"
_RETRY_S = 1.0
#: A connection that died without a word is found out by asking this often.
_ASK_S = 5.0
_AT_ONCE = 500
_COLUMNS = "sequence, id, revision, kind, place, name, attributes, valid_from, valid_to, recorded_from"
_KNOWN = f"""
SELECT {_COLUMNS} FROM andon.plant_event
WHERE relayed AND recorded_to IS NULL AND (valid_to IS NULL OR valid_to > $1) AND kind = ANY($2)
"""  # noqa: S608 - constants only
_NEW = f"SELECT {_COLUMNS} FROM andon.plant_event WHERE sequence = $1"  # noqa: S608
_TO_RELAY = f"""
SELECT {_COLUMNS} FROM andon.plant_event WHERE NOT relayed
ORDER BY sequence LIMIT {_AT_ONCE} FOR UPDATE SKIP LOCKED
"""  # noqa: S608
_RELAYED = "UPDATE andon.plant_event SET relayed = true WHERE sequence = ANY($1)"

#: Takes an event, and when it was told (microseconds UTC).
Take = Callable[[PlantEvent, int], None]
#: Puts events on the bus, and returns when they are there.
Publish = Callable[[Sequence[PlantEvent]], Awaitable[None]]


async def follow_database(
    settings: DatabaseSettings,
    kinds: Sequence[str],
    since: int,
    take: Take,
    hear: Take,
    current: Callable[[bool], None],
    publish: Publish | None = None,
) -> None:
    """Hand over everything that the database knows, and what it is told from then on, until cancelled.

    Args:
        settings: where the database is.
        kinds: kinds of events that are wanted.
        since: what ended before is not wanted, microseconds UTC.
        take: takes an event that is known at the start, which it may have seen before.
        hear: takes one that is told later, which is on the bus as well, or will be.
        current: told True when everything there is has been taken, and False when the database is away.
        publish: where to put events that were told in the database and are not on the bus yet; None leaves that to
            another worker.
    """
    while True:
        try:
            async with connect(settings, application="andon-context") as database:
                if settings.migrate:
                    await migrate(database)
                await _follow(database, kinds, since, take, hear, current, publish)
        except (*AWAY, DatabaseError) as error:
            current(False)
            _log.warning("the database is away, frames are joined with what is known", error=repr(error))
        await asyncio.sleep(_RETRY_S)


async def _follow(
    database: Database,
    kinds: Sequence[str],
    since: int,
    take: Take,
    hear: Take,
    current: Callable[[bool], None],
    publish: Publish | None,
) -> None:
    heard: asyncio.Queue[int] = asyncio.Queue()

    def listener(_: Any, __: int, ___: str, payload: object) -> None:
        heard.put_nowait(int(str(payload)))

    async with database.acquire() as connection:
        await connection.add_listener(_CHANNEL, listener)
        try:
            for row in await connection.fetch(_KNOWN, to_datetime(max(0, since)), list(kinds)):
                _take(row, take)
            current(True)
            while True:
                await _relay(connection, publish)
                await _hear(connection, heard, hear)
        finally:
            if not connection.is_closed():
                await connection.remove_listener(_CHANNEL, listener)


async def _hear(connection: asyncpg.pool.PoolConnectionProxy, heard: asyncio.Queue[int], take: Take) -> None:
    """Wait for a notification, at most for a while, and take what it is about."""
    try:
        async with asyncio.timeout(_ASK_S):
            sequences = [await heard.get()]
    except TimeoutError:
        await connection.execute("SELECT 1")
        return
    while not heard.empty():
        sequences.append(heard.get_nowait())
    for sequence in sequences:
        if row := await connection.fetchrow(_NEW, sequence):
            _take(row, take)


async def _relay(connection: asyncpg.pool.PoolConnectionProxy, publish: Publish | None) -> None:
    """Put what was told in the database on the bus, in order; several workers share it out by row locks."""
    while publish is not None:
        async with connection.transaction():
            rows = await connection.fetch(_TO_RELAY)
            events = [event for row in rows if (event := _event(row))]
            if events:
                await publish(events)
            await connection.execute(_RELAYED, [row["sequence"] for row in rows])
        if len(rows) < _AT_ONCE:
            return


def _take(row: asyncpg.Record, take: Take) -> None:
    event = _event(row)
    if event is not None:
        take(event, to_micros(row["recorded_from"]))


def _event(row: asyncpg.Record) -> PlantEvent | None:
    """Return the event of a row; None, with a warning, for one that no contract allows."""
    try:
        return told_event(row)
    except ValidationError as error:
        _log.warning("row of andon.plant_event cannot be used", sequence=row["sequence"], error=str(error))
        return None
