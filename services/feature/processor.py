"""Context frames in, feature vectors out: the feature stage."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from andon.contracts import ContextFrame
from andon.plant import Plant
from andon.stream.stage import Processor, Result, StageSpec, State
from andon.uns import Stage
from services.feature.open_windows import OpenWindows

#: Fields of a context frame that features depend on; not parsing the others is a good part of the stage's speed.
_USED = ("asset", "time", "ingest_time", "origin", "revision", "values", "quality", "context")
_UNUSED = tuple(name for name in ContextFrame.model_fields if name not in _USED)
#: So many of the newest frames are known after a restart. Context, started again, sends again what it sent of a
#: partition within its last second, and of up to three polls.
_RECALL = 40_000


def feature_stage(plant: Plant) -> StageSpec:
    """Return the feature stage of *plant*: one event per asset and closed window; what it does is all in the model."""

    def open_partition(state: Mapping[str, State], delivered: int) -> Processor:
        return FeatureProcessor(plant, state, delivered)

    return StageSpec(
        "feature",
        Stage.CONTEXT,
        (Stage.FEATURE,),
        open_partition,
        stateful=True,
        without=_UNUSED,
        recall=_RECALL,
    )


class FeatureProcessor:
    """The feature stage of one partition. Classes without numeric tags have no features: their frames pass by."""

    def __init__(self, plant: Plant, state: Mapping[str, State], delivered: int) -> None:
        self._windows = {
            name: OpenWindows(plant, name, state, delivered)
            for name, asset_class in plant.classes.items()
            if asset_class.numeric_tags
        }

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Add frames to their windows; return the vectors of those that closed, and the frames that came too late."""
        windows = self._windows.get(asset_class)
        return windows.process(rows, now) if windows else Result()

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Return the vectors of all windows of assets that have fallen silent."""
        results = [windows.tick(now, caught_up_since) for windows in self._windows.values()]
        return Result(
            emits=tuple(emit for result in results for emit in result.emits),
            state={asset: kept for result in results for asset, kept in result.state.items()},
        )

    def needed_from(self) -> int | None:
        """Return the offset of the first frame that an open window needs."""
        needed = [windows.needed_from for windows in self._windows.values()]
        return min((offset for offset in needed if offset is not None), default=None)
