"""A batch of windows, in the forms that watching them needs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from services.drift.normal import Floats
from services.drift.watch import Watch


@dataclass(frozen=True, slots=True)
class Window:
    """One window.

    Attributes:
        place: its number in the batch.
        asset: the machine.
        time: its end, microseconds.
        ingest_time: of what it waited for, microseconds.
        offset: of its record.
        traceparent: of its record.
        definition: hash of the feature definition.
        regime: of operation; empty where nothing tells regimes apart.
    """

    place: int
    asset: str
    time: int
    ingest_time: int
    offset: int
    traceparent: str | None
    definition: str
    regime: str


@dataclass(frozen=True)
class Windows:
    """Feature vectors of one asset class (n windows, d features).

    Attributes:
        each: the windows, in the order of arrival.
        vectors: what the monitor takes of them.
        values: [n, d] their features, NaN where there is no value.
    """

    each: Sequence[Window]
    vectors: pl.DataFrame = field(default_factory=pl.DataFrame)
    values: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @classmethod
    def seen(cls, rows: pl.DataFrame, watch: Watch) -> Windows:
        """Return the windows in *rows*, columns of `andon.contracts.FeatureVector`, as *watch* sees them."""
        vectors, values = watch.seen(rows)
        return cls(_windows(rows, vectors["regime"]), vectors, values)

    @classmethod
    def plain(cls, rows: pl.DataFrame) -> Windows:
        """Return the windows in *rows* without what is seen of them."""
        return cls(_windows(rows, pl.Series("regime", [""]).new_from_index(0, rows.height)))

    def first_of_each(self) -> Iterator[Window]:
        """Yield the first window of each machine."""
        return iter({window.asset: window for window in reversed(self.each)}.values())

    def turns(self) -> list[list[Window]]:
        """Return the windows in turns, in each of which a machine is once at most, each machine's in their order."""
        turns: list[list[Window]] = []
        seen: dict[str, int] = {}
        for window in self.each:  # per-event Python: windows come once a step, a fraction of the frames
            turn = seen[window.asset] = seen.get(window.asset, -1) + 1
            if turn == len(turns):
                turns.append([])
            turns[turn].append(window)
        return turns


def _windows(rows: pl.DataFrame, regime: pl.Series) -> list[Window]:
    columns = rows.select("asset", "time", "ingest_time", "offset", "traceparent", "definition", regime.alias("regime"))
    return [Window(place, *row) for place, row in enumerate(columns.iter_rows())]
