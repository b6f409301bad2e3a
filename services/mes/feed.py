"""One table's way to the bus: a page is read, what is news is told, and then the progress is kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import asyncpg

from andon.backoff import Backoff
from andon.clock import SECOND, Clock
from andon.contracts import DeadLetter, DeadLetterReason
from andon.database.connection import AWAY
from andon.stream.deadletters import source_letter
from andon.telemetry import Metrics, get_logger
from andon.uns import Stage
from services.mes.event import EventMaker, Refusal
from services.mes.mapping import System, Table
from services.mes.outbox import Outbox
from services.mes.progress import News, Progress, Refused
from services.mes.source import Connection, Page, TableError, TableReader
from services.mes.statement import Cursor
from services.mes.store import Store, Subject

_log = get_logger(__name__)
_SERVICE = "mes"
_TOO_LARGE = Refusal(
    DeadLetterReason.TOO_LARGE,
    "the event is larger than the broker takes (map fewer columns, or raise kafka.max_batch_bytes)",
)


class Feed:
    """Tells what one table says.

    Args:
        system: where the table is.
        table: the table.
        places: of the plant.
        outbox: takes events and dead letters.
        store: keeps the progress.
        batch: rows in a page.
        metrics: where to count.
        clock: microseconds UTC.
    """

    def __init__(
        self,
        system: System,
        table: Table,
        places: frozenset[str],
        outbox: Outbox,
        store: Store,
        batch: int,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._system, self._table, self._batch = system, table, batch
        self._outbox, self._store, self._metrics, self._clock = outbox, store, metrics, clock
        self._maker = EventMaker(system.name, table, places)
        self._labels = {"system": system.name, "kind": table.kind}
        self._reader: TableReader | None = None
        self._subject = Subject(system.name, table.kind, "")
        self._progress = Progress(0)
        self._after: Cursor | None = None
        self._backoff = Backoff(first=SECOND)
        self._newest = 0
        self._not_before = 0.0
        self._begun = self._read_up_to = time.monotonic()
        self.away()

    @property
    def due(self) -> bool:
        """Whether it may be read now; after a failure it waits."""
        return time.monotonic() >= self._not_before

    def away(self) -> None:
        """Take note that the system is away: whatever is read next begins anew at the watermark."""
        self._reader, self._after = None, None
        self._metrics.set("andon_mes_away", 1, **self._labels)

    def show_lag(self) -> None:
        """Show how old the newest look at the whole table is."""
        self._metrics.set("andon_mes_lag_seconds", time.monotonic() - self._read_up_to, **self._labels)

    async def page(self, connection: Connection) -> bool:
        """Read and tell the next page; return whether there is more to read.

        What is wrong with this table alone is logged, and the table left for a while.

        Raises:
            OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError: the system is away.
        """
        try:
            read = await self._read(connection)
        except AWAY:
            raise
        except (TableError, asyncpg.PostgresError, UnicodeDecodeError) as error:
            self.away()
            self._not_before = time.monotonic() + self._backoff.next() / SECOND
            _log.error(
                "the table cannot be read, trying again", **self._labels, table=self._table.source, error=str(error)
            )
            return False
        await self._take(read)
        self._backoff.reset()
        self._metrics.set("andon_mes_away", 0, **self._labels)
        more = len(read.rows) == self._batch
        self._after = read.end if more else None
        if not more:
            self._read_up_to = self._begun
            self._metrics.count("andon_mes_polls_total", 1, **self._labels)
        return more

    async def _read(self, connection: Connection) -> Page:
        if self._reader is None:
            self._reader = await TableReader.opened(connection, self._system, self._table)
            await self._resume(self._reader)
        if self._after is None:
            self._begun, self._newest = time.monotonic(), await self._reader.newest()
        return await self._reader.page(self._after or self._progress.low, self._batch)

    async def _resume(self, reader: TableReader) -> None:
        mapping = self._table.model_dump_json(exclude={"lookback", "lookback_numbers"}, exclude_defaults=True)
        definition = hashlib.sha256(f"{mapping}{reader.scale}".encode()).hexdigest()[:12]
        if definition != self._subject.definition:
            self._subject = Subject(self._system.name, self._table.kind, definition)
            self._progress = await self._store.load(self._subject, reader.scale.reach(self._table))

    async def _take(self, read: Page) -> None:
        """Tell what is news in a page.

        1. Kafka acknowledges the events, then the dead letters.
        2. The watermark is stored. A crash before repeats the page, with the same ids.
        """
        news = self._progress.sift(read.rows, self._maker)
        refused = await self._tell(news)
        if self._progress.note(news, read.rows, self._newest):
            await self._store.save(self._subject, self._progress, news)
        self._count(read, news, refused)

    async def _tell(self, news: News) -> list[Refused]:
        """Send events and dead letters; return what was set aside."""
        large = {event.id for event in await self._outbox.tell([event for _, event in news.events])}
        too_large = [
            Refused(row, _TOO_LARGE, news.seen[row.key, row.watermark])
            for row, event in news.events
            if event.id in large
        ]
        refused = [*news.refused, *too_large]
        await self._outbox.set_aside(self._letters(refused))
        return refused

    def _letters(self, refused: Sequence[Refused]) -> list[DeadLetter]:
        now = self._clock()
        return [
            source_letter(
                service=_SERVICE,
                source=self._system.name,
                address=self._table.source,
                number=f"{self._table.kind}/{each.row.key}@{each.digest.hex()}",
                reason=each.refusal.reason,
                detail=each.refusal.detail,
                key=None,
                payload=each.row.payload,
                now=now,
            )
            for each in refused
        ]

    def _count(self, read: Page, news: News, refused: Sequence[Refused]) -> None:
        sent = len(news.events) + len(news.refused) - len(refused)
        self._metrics.count("andon_mes_rows_total", len(read.rows), **self._labels)
        self._metrics.count("andon_mes_events_total", sent, **self._labels)
        self._metrics.count("andon_mes_rows_not_begun_total", news.not_begun, **self._labels)
        for each in refused:
            self._metrics.count("andon_deadletters_total", stage=Stage.EVENT, reason=each.refusal.reason)
        high = self._progress.high
        moment = self._reader.scale.moment(high, self._table.time_zone) if self._reader and high is not None else None
        if moment is not None:
            self._metrics.set("andon_mes_watermark_seconds", moment / SECOND, **self._labels)
