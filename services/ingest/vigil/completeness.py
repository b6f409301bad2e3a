"""How many samples of each asset should have come in each minute of event time, and how many did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.plant import AssetClass, Plant
from services.ingest.framing.times import NO_TIME
from services.ingest.vigil.shift import shifted

_MINUTE = 60 * SECOND
#: A clock that jumps further, in minutes, has been set; nothing was missed meanwhile.
_LONGEST_GAP = 24 * 60


@dataclass(frozen=True, slots=True)
class Samples:
    """Amounts that an asset's minutes add to what was expected and received of it."""

    asset: str
    expected: float
    received: int


class Completeness:
    """Counts samples by asset and minute.

    A minute is over when a frame of a later one comes; of an asset that is silent, when that minute has passed on
    our clock. The first, cut minute of an asset is not counted.

    What it counts is exported by asset: two series each, so 100,000 for 50,000 assets. A Prometheus that must not hold
    so many drops `andon_samples_.*` when it scrapes, and nothing else is lost.

    Args:
        plant: tells at which rates samples are promised.
    """

    def __init__(self, plant: Plant) -> None:
        self._assets = list(plant.assets)
        self._number = {asset: index for index, asset in enumerate(self._assets)}
        promised = {name: _promised(each) for name, each in plant.classes.items()}
        self._promised = np.array([promised[each.asset_class] for each in plant.assets.values()])
        self._minute = np.full(len(self._assets), NO_TIME, np.int64)
        self._begun = np.zeros(len(self._assets), np.bool_)
        self._heard = np.zeros(len(self._assets), np.int64)
        self._expected = np.zeros(len(self._assets))
        self._received = np.zeros(len(self._assets), np.int64)

    def count(self, frames: pl.DataFrame, now: int) -> None:
        """Count the samples of live frames (asset, time, values, carried) that have come at *now*."""
        samples = _present(frames["values"]) - _present(frames["carried"])
        minutes = frames.select("asset", minute=pl.col("time") // _MINUTE, samples=samples)
        for asset, minute, found in (
            minutes.group_by("asset", "minute").agg(pl.col("samples").sum()).sort("minute").iter_rows()
        ):
            self._add(self._number[asset], minute, found, now)

    def tick(self, now: int) -> None:
        """Take the passing of time: what silent assets owe."""
        owed = np.where(self._minute != NO_TIME, (now - self._heard) // _MINUTE, 0)
        late = np.flatnonzero(owed > 0)
        self._expected[late] += self._promised[late] * (owed[late] - ~self._begun[late])
        self._minute[late] += owed[late]
        self._heard[late] += owed[late] * _MINUTE
        self._begun[late] = True

    def clock_set(self, by: int, now: int) -> None:
        """Take note that the clock was set by so much, microseconds: nobody owes samples for that."""
        self._heard = shifted(self._heard, by, now)

    def take(self) -> Iterator[Samples]:
        """Yield what has been added since the last call, by asset."""
        for index in np.flatnonzero((self._expected > 0) | (self._received > 0)).tolist():
            yield Samples(self._assets[index], float(self._expected[index]), int(self._received[index]))
        self._expected[:], self._received[:] = 0, 0

    def _add(self, number: int, minute: int, samples: int, now: int) -> None:
        before = int(self._minute[number])
        self._heard[number] = now
        if before == NO_TIME:
            self._minute[number] = minute
            return
        if minute > before:
            if minute - before <= _LONGEST_GAP:
                self._expected[number] += self._promised[number] * (minute - before - (not self._begun[number]))
            self._minute[number], self._begun[number] = minute, True
        if self._begun[number]:
            self._received[number] += samples


def _promised(asset_class: AssetClass) -> float:
    """Return samples a minute, of all tags."""
    rates: Mapping[str, float] = {
        name: tag.rate_hz or SECOND / asset_class.scan for name, tag in asset_class.tags.items()
    }
    return 60 * sum(rates.values())


def _present(struct: pl.Series) -> pl.Series:
    """Return how many fields of each row are not null."""
    fields = struct.struct.unnest()
    return fields.select(pl.sum_horizontal(pl.all().is_not_null())).to_series().cast(pl.Int64)
