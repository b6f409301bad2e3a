"""An intake that keeps what a source delivers, and lets a test wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from andon.contracts import Origin, PlantEvent
from andon.uns import Stage
from services.ingest.readings import Readings, Refusal, Signals


class Collecting:
    """Takes everything at once.

    Attributes:
        batches: readings as they came.
        refusals: what could not be used.
        expected: signals that are to come.
        latest: newest live value of each (asset, tag).
    """

    def __init__(self, signals: Signals) -> None:
        self.batches: list[Readings] = []
        self.refusals: list[Refusal] = []
        self.expected: set[int] = set()
        self.latest: dict[tuple[str, str], object] = {}
        self._signals = signals
        self._changed = asyncio.Event()

    async def read(self, batch: Readings, *, on_safe: Callable[[], None] | None = None) -> None:
        self.batches.append(batch)
        if batch.origin is Origin.LIVE:
            self.latest |= zip(map(self._signals.name, batch.signals), batch.values, strict=True)
        self._changed.set()

    async def refuse(self, refusal: Refusal) -> None:
        self.refusals.append(refusal)
        self._changed.set()

    async def replay(self, stage: Stage, asset_class: str, rows: pl.DataFrame) -> None:
        raise NotImplementedError

    async def tell(self, event: PlantEvent) -> None:
        raise NotImplementedError

    def expect(self, signals: Iterable[int], now: int) -> None:
        self.expected |= set(signals)

    async def confirm(self, signals: Sequence[int], now: int) -> None:
        raise NotImplementedError

    async def until(self, holds: Callable[[], bool], timeout_s: float = 10) -> None:
        """Wait until something holds of what was delivered.

        Raises:
            TimeoutError: it does not in time.
        """
        async with asyncio.timeout(timeout_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()
