"""A plant of pumps, and frames of theirs as a source makes them."""

from __future__ import annotations

import polars as pl

from andon.contracts import Frame, Origin
from andon.plant import Plant
from andon.plant.columns import event_schema
from services.ingest.session import Session

T0 = 1_700_000_000_000_000
ASSETS = tuple(f"line/pump-{number}" for number in range(8))


def pumps(site: str) -> Plant:
    return Plant.model_validate(
        {
            "enterprise": "acme",
            "site": site,
            "classes": {"pump": {"tags": {"flow": {"unit": "m**3/h"}, "shake": {"kind": "waveform", "unit": "mm/s"}}}},
            "assets": {asset: {"class": "pump"} for asset in ASSETS},
        }
    )


class Frames:
    """Frames of all pumps in turn, numbered through.

    Attributes:
        made: all so far, in order.
    """

    def __init__(self, plant: Plant) -> None:
        self._session = Session("test", plant)
        self._schema = event_schema(Frame, plant.classes["pump"])["values"]
        self.made: list[pl.DataFrame] = []

    def make(self, count: int, *, samples: int = 0) -> pl.DataFrame:
        """Return the next frames, with waveforms of as many samples."""
        first = sum(each.height for each in self.made)
        numbers = range(first, first + count)
        shake = {"rate_hz": 1_000.0, "samples": [(index * 7919 % 997) / 7 for index in range(samples)]}
        rows = pl.DataFrame(
            {
                "asset": [ASSETS[number % len(ASSETS)] for number in numbers],
                "time": [T0 + number * 1_000 for number in numbers],
                "values": pl.Series([{"flow": number, "shake": shake} for number in numbers], dtype=self._schema),
            }
        )
        self.made.append(self._session.stamp("pump", rows, Origin.LIVE).with_columns(ingest_time=pl.col("time")))
        return self.made[-1]

    def ids(self) -> set[str]:
        return {name for frames in self.made for name in frames["id"]}
