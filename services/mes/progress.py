"""How far a table has been read, and which of its rows are news. Pure.

A row may become visible late: its transaction set the watermark long before it was committed. So rows are read again
that are behind the watermark by the lookback at most, and what was told of them is remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import orjson

from andon.contracts import DeadLetterReason, PlantEvent
from services.mes.event import EventMaker, Refusal, Row

Seen = dict[tuple[str, int], bytes]
"""Key and watermark of rows to the digest of what was made of them."""
#: Fewer rows than this are not worth looking for those that need not be remembered any more.
_FEW = 10_000


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as it was read: its watermark as a number, its key as one text, and its columns."""

    watermark: int
    key: str
    row: Row

    @property
    def payload(self) -> bytes:
        """The row as JSON, for a dead letter."""
        return orjson.dumps(dict(self.row), option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that makes no event; the digest tells this content of it from others."""

    row: ReadRow
    refusal: Refusal
    digest: bytes


@dataclass(slots=True)
class News:
    """What a page of rows says that has not been told."""

    events: list[tuple[ReadRow, PlantEvent]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    not_begun: int = 0
    seen: Seen = field(default_factory=dict)


@dataclass(slots=True)
class Progress:
    """What is known of a table.

    Attributes:
        reach: how far below the watermark rows are read again.
        high: the watermark; None before the first row.
        seen: what was told of the rows that are read again.
    """

    reach: int
    high: int | None = None
    seen: Seen = field(default_factory=dict)
    _look: int = _FEW

    @property
    def low(self) -> int | None:
        """The lowest watermark to read."""
        return None if self.high is None else self.high - self.reach

    def sift(self, rows: Iterable[ReadRow], maker: EventMaker) -> News:
        """Return what is news in rows, which come in the order of watermark and key."""
        news = News()
        for place, group in groupby(rows, lambda row: (row.key, row.watermark)):
            same = list(group)
            made = maker.event(same[0].row) if len(same) == 1 else _ambiguous(same)
            digest = _digest(made, same)
            if self.seen.get(place) == digest:
                continue
            news.seen[place] = digest
            if isinstance(made, PlantEvent):
                news.events.append((same[0], made))
            elif made is None:
                news.not_begun += 1
            else:
                news.refused.append(Refused(same[0], made, digest))
        return news

    def note(self, news: News, rows: Sequence[ReadRow], newest: int) -> bool:
        """Take in that a page has been told; return whether there is anything to store.

        Args:
            news: what was news.
            rows: the page.
            newest: the highest watermark that a row could honestly have before the first page of this look was read.
                Rows beyond it do not raise ours. So one wrong clock keeps nothing from being read; and however long a
                look takes, what became visible behind it in the meantime is within the reach of the next.
        """
        before = self.high
        honest = [row.watermark for row in rows if row.watermark <= newest]
        if honest:
            self.high = max(honest) if before is None else max(before, *honest)
        elif rows and before is None:
            self.high = newest
        self.seen |= news.seen
        self._forget()
        return bool(news.seen) or self.high != before

    def _forget(self) -> None:
        low = self.low
        if low is not None and len(self.seen) > self._look:
            self.seen = {place: digest for place, digest in self.seen.items() if place[1] >= low}
            self._look = 2 * len(self.seen) + _FEW


def _ambiguous(same: Sequence[ReadRow]) -> Refusal:
    detail = f"{len(same)} rows have this key and watermark (name all columns in `key` that tell a row from the others)"
    return Refusal(DeadLetterReason.SCHEMA, detail)


def _digest(made: PlantEvent | Refusal | None, same: Sequence[ReadRow]) -> bytes:
    content = hashlib.blake2b(digest_size=16)
    if isinstance(made, PlantEvent):
        content.update(made.model_dump_json().encode())
    elif made is not None:
        for part in (made.reason.encode(), made.detail.encode(), *sorted(row.payload for row in same)):
            content.update(hashlib.blake2b(part).digest())
    return content.digest()
