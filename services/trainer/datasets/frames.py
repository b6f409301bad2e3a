"""Raw frames with what was so at their event times: quality, context, truth. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from andon.contracts import PlantEvent
from andon.plant import Plant
from andon.production import ContextJoin, Knowledge, fact_of
from andon.production.states import StateRules, context_of
from services.trainer.dataset import inspect_frames


def context_frames(frames: pl.DataFrame, plant: Plant, name: str, events: Iterable[PlantEvent]) -> pl.DataFrame:
    """Return raw frames as the context stage sends them once all events are known.

    Each frame gets what is valid at its event time, by the join that runs in production, so nothing of later is in it.

    Args:
        frames: as `services.trainer.dataset.inspect_frames` takes them, in any order.
        plant: the plant model.
        name: the frames' class.
        events: orders, batches, shifts, maintenance; of one id the highest revision counts.

    Returns:
        asset, time, values in the model's units, quality and context, by time.
    """
    frames = frames.sort("time", maintain_order=True)
    inspected = inspect_frames(frames, plant.classes[name])
    knowledge = Knowledge()
    knowledge.load(fact for event in events if (fact := fact_of(event)) is not None)
    join = ContextJoin(plant, knowledge)
    assets = frames["asset"].unique()
    position = frames["asset"].cast(pl.Enum(assets)).to_physical().to_numpy()
    joined = join.join(join.numbers(assets)[position], frames["time"].to_numpy())
    context = context_of(joined, StateRules(plant.classes[name]), inspected, stale=False)
    return frames.select("asset", "time", inspected.values.to_struct("values"), inspected.quality, context)


def truth_of(frames: pl.DataFrame, intervals: pl.DataFrame) -> pl.DataFrame:
    """Return for each frame whether it lies in an interval.

    Args:
        frames: asset and time.
        intervals: asset, start and end (exclusive), microseconds UTC; they may overlap.

    Returns:
        asset, time and `abnormal` (Boolean), by time.
    """
    reach = pl.col("end").cum_max().over("asset")
    begun = intervals.sort("start").select("asset", "start", until=reach)
    rows = frames.select("asset", "time").sort("time")
    found = rows.join_asof(begun, left_on="time", right_on="start", by="asset", check_sortedness=False)
    return found.select("asset", "time", abnormal=(pl.col("time") < pl.col("until")).fill_null(value=False))
