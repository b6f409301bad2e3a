"""Whose frames a batch holds, when they were so and came in, and which event times are believed."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from andon.clock import SECOND
from andon.contracts import Origin
from andon.quality.stretches import Ints, Mask

#: A frame whose event time is further ahead of the clock is not believed, unless the settings say otherwise.
FUTURE_TOLERANCE = 300 * SECOND
#: Nor is a live frame that is older than this.
MAX_AGE = 7 * 86_400 * SECOND


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Columns of a batch (n rows) that say whose frames they are, and when they were so and came in.

    Attributes:
        asset: index of the asset.
        time: event time, microseconds.
        ingest_time: microseconds.
        offset: in the input topic.
        believable: whether the clock at ingest could believe the event time.
    """

    asset: Ints
    time: Ints
    ingest_time: Ints
    offset: Ints
    believable: Mask

    @classmethod
    def of(
        cls, frames: pl.DataFrame, assets: pl.Enum, future_tolerance: int = FUTURE_TOLERANCE, max_age: int = MAX_AGE
    ) -> Arrivals:
        """Take them from raw frames as the runtime decodes them: asset, time, ingest_time, origin and offset.

        Args:
            frames: of one asset class.
            assets: paths of the class's assets; their order gives the indices.
            future_tolerance: how far an event time may be ahead of the ingest's, microseconds.
            max_age: how far one that is no history may be behind it, microseconds.
        """
        asset = frames["asset"].cast(assets).to_physical().cast(pl.Int64).to_numpy()
        time, ingest_time = frames["time"].to_numpy(), frames["ingest_time"].to_numpy()
        origin = frames["origin"]
        history = origin.eq_missing(Origin.BACKFILL.value).to_numpy() if origin.null_count() < len(origin) else False
        # Not by the clock of today: a restart must believe what was believed when the frame came in.
        believable = (time <= ingest_time + future_tolerance) & (history | (time >= ingest_time - max_age))
        return cls(asset, time, ingest_time, frames["offset"].to_numpy(), believable)
