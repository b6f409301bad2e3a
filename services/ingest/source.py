"""The contract between a source and the rest of the ingest service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import polars as pl

from andon.contracts import PlantEvent
from andon.uns import Stage
from services.ingest.readings import Readings, Refusal


class Intake(Protocol):
    """Takes what one source delivers. Every call waits while too much is unfinished: a source just awaits it."""

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        """Take values; they become frames, which go to stage raw, or backfill for a batch of that origin.

        Args:
            batch: the values.
            on_safe: called once Kafka, or the spool, has all frames that they went into.
        """
        ...

    async def replay(self, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        """Take whole frames (columns of `event_schema(Frame, ...)`) and return when the broker has them."""
        ...

    async def refuse(self, refusal: Refusal) -> None:
        """Take what cannot be used; it becomes a dead letter and is counted."""
        ...

    async def tell(self, event: PlantEvent) -> None:
        """Put an event about the plant on the bus."""
        ...

    def expect(self, signals: Iterable[int], now: int) -> None:
        """Take note that these signals are to come from the source from *now* on: their assets are watched.

        An asset of which no source expects anything is watched from its first frame on.
        """
        ...

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        """Take note that the source was just heard and that these signals have not changed since their last value.

        An OPC UA keep-alive says so of all items of its subscription, an MQTT or Sparkplug source of none.
        """
        ...


class Source(Protocol):
    """One machine, broker or recording that values come from.

    Attributes:
        name: unique in the sources file; on every metric, log line and event about it.
    """

    name: str

    async def run(self, intake: Intake) -> None:
        """Deliver until cancelled; return only when there will never be more (a recording that has ended).

        Owns its connection: whatever happens to it is answered by connecting again, with exponential backoff and
        jitter. What is missing at the other side is a `Refusal`, an event or a metric, and the rest goes on.

        Raises:
            ConfigError: something that a person must correct before this source can ever work.
        """
        ...
