"""Key performance indicators of ISO 22400-2:2014: from frames to minutes, from minutes to OEE. Pure.

Sums over minutes can be made again for any minute, so late frames and corrected contexts change just what they touch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.clock import SECOND
from andon.contracts import MachineState
from andon.plant import AssetClass
from andon.plant.production import Production, Quantity
from andon.production.states import Samples, conditions

Floats = NDArray[np.float64]

MINUTE = 60 * SECOND
#: A frame stands for what follows it up to so many scans; beyond, nothing is known.
_REACH = 3
_KEY = ("asset_id", "minute", "shift", "product", "state")
MINUTES: dict[str, pl.DataType] = {
    "asset_id": pl.Int64(),
    "minute": pl.Int64(),
    "shift": pl.String(),
    "product": pl.String(),
    "state": pl.String(),
    "seconds": pl.Float64(),
    "produced": pl.Float64(),
    "good": pl.Float64(),
}


def minutes(asset_class: AssetClass, frames: pl.DataFrame, samples: Samples) -> pl.DataFrame:
    """Return what minutes went into: `MINUTES`, one row for each minute, shift, product and state.

    A frame's state lasts until the next frame, at most three scans; time that no frame stands for is in no row. What a
    counter has counted since the frame before is of the minute of the frame that shows it.

    Args:
        asset_class: gives the scan and what is counted.
        frames: asset_id, time (microseconds), shift, product, state; ordered by asset and time.
        samples: of the frames.
    """
    production = asset_class.production
    if production is None or frames.is_empty():
        return pl.DataFrame(schema=MINUTES)
    lasting = _lasting(frames, asset_class.scan)
    produced = _quantity(frames, production.produced, samples, lasting)
    good = _good(asset_class, production, frames, samples, lasting, produced)
    split = frames.select("asset_id", "time", "shift", "product", "state").with_columns(
        pl.Series("lasting", lasting), pl.Series("produced", produced), pl.Series("good", good)
    )
    # What a frame stands for may reach over the end of its minute.
    start = pl.col("time") // MINUTE * MINUTE
    inside = pl.min_horizontal(pl.col("lasting"), start + MINUTE - pl.col("time"))
    own = split.with_columns(minute=start, seconds=inside / SECOND)
    over = split.with_columns(
        minute=start + MINUTE, seconds=(pl.col("lasting") - inside) / SECOND, produced=pl.lit(0.0), good=pl.lit(0.0)
    ).filter(pl.col("seconds") > 0)
    together = pl.concat([own, over]).group_by(_KEY, maintain_order=True)
    return together.agg(pl.col("seconds", "produced", "good").sum()).select(
        pl.col(name).cast(kind) for name, kind in MINUTES.items()
    )


def _lasting(frames: pl.DataFrame, scan: int) -> NDArray[np.int64]:
    """Return how long each frame stands for the state, microseconds."""
    asset, time = frames["asset_id"].to_numpy(), frames["time"].to_numpy()
    gap = np.append(time[1:] - time[:-1], scan)
    follows = np.append(asset[1:] == asset[:-1], False) & (gap <= _REACH * scan)
    return np.where(follows, gap, scan)


def _quantity(frames: pl.DataFrame, quantity: Quantity, samples: Samples, lasting: NDArray[np.int64]) -> Floats:
    """Return the quantity that each frame adds; nothing where the sample is not good."""
    level = samples.good(quantity.tag)
    if quantity.per is not None:
        return np.nan_to_num(level * lasting / quantity.per, nan=0.0)
    counted = pl.DataFrame({"asset": frames["asset_id"], "level": pl.Series(level).fill_nan(None)})
    before = pl.col("level").forward_fill().shift(1).over("asset")
    # A counter that has fallen began again from nothing.
    step = pl.when(pl.col("level") >= before).then(pl.col("level") - before).otherwise(pl.col("level"))
    added = pl.when(before.is_not_null() & pl.col("level").is_not_null()).then(step).otherwise(0.0)
    found: Floats = counted.select(added.alias("added"))["added"].to_numpy()
    return found


def _good(
    asset_class: AssetClass,
    production: Production,
    frames: pl.DataFrame,
    samples: Samples,
    lasting: NDArray[np.int64],
    produced: Floats,
) -> Floats:
    """Return the part of the quantity that is good: in specification, as far as can be told, and no scrap."""
    fits, _ = conditions(asset_class, production.good_when, samples, frames.height)
    good = np.where(fits, produced, 0.0)
    if production.scrap is not None:
        good = good - _quantity(frames, production.scrap, samples, lasting)
    return good


@dataclass(frozen=True, slots=True)
class Indicators:
    """The indicators of one asset, shift and product; None where what they need is not known.

    Attributes:
        planned_busy_time: PBT, seconds.
        availability: APT / PBT.
        effectiveness: PRI x PQ / APT.
        quality_ratio: GQ / PQ.
        oee_index: their product.
    """

    planned_busy_time: float
    availability: float | None
    effectiveness: float | None
    quality_ratio: float | None
    oee_index: float | None


def indicators(
    seconds: Mapping[str | None, float], produced: float, good: float, item_time: float | None
) -> Indicators:
    """Return the indicators (ISO 22400-2:2014, 9.4 availability, 9.5 effectiveness, 9.6 quality ratio, 9.3 OEE index).

    Args:
        seconds: time by machine state.
        produced: PQ.
        good: GQ.
        item_time: PRI, seconds per unit of quantity.
    """
    busy = sum(seconds.get(state, 0.0) for state in MachineState if state is not MachineState.PLANNED_STOP)
    running = seconds.get(MachineState.RUNNING, 0.0)
    availability = running / busy if busy > 0 else None
    effectiveness = item_time * produced / running if item_time is not None and running > 0 else None
    quality = min(1.0, max(0.0, good / produced)) if produced > 0 else None
    parts = (availability, effectiveness, quality)
    index = None if None in parts else float(np.prod([part for part in parts if part is not None]))
    return Indicators(busy, *parts, index)
