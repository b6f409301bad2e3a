"""Feature vectors in, verdicts out: the inference stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from andon.models import Bundle, cpu_limit
from andon.plant import Plant
from andon.stream import Emit, Processor, Result, StageSpec
from andon.stream.stage import Count, State
from andon.uns import Stage
from services.inference.judge import Judge
from services.inference.settings import InferenceSettings

#: Fields of a feature vector that the stage does not read; they are not even parsed.
_UNUSED = ("id", "asset_class", "samples", "expected")


def inference_stage(plant: Plant, bundles: Mapping[str, Bundle], settings: InferenceSettings) -> StageSpec:
    """Return the inference stage of *plant*: one verdict a feature vector, in the vectors' order.

    Args:
        plant: gives the asset classes and the limits of their tags.
        bundles: asset class to its model; a class without one is watched by its limits alone.
        settings: how the models are run.
    """
    threads = settings.inference.threads or cpu_limit()
    top = settings.inference.top_contributions
    judges = {
        name: Judge(name, asset_class, bundles.get(name), threads=threads, top=top)
        for name, asset_class in plant.classes.items()
    }
    processor = InferenceProcessor(judges)

    def open_partition(_state: Mapping[str, State], _delivered: int) -> Processor:
        return processor  # it keeps nothing between batches, so all partitions share it

    return StageSpec(
        "inference", Stage.FEATURE, (Stage.INFERENCE,), open_partition, without=_UNUSED, measure=count_decisions
    )


class InferenceProcessor:
    """The inference stage; it has no state."""

    def __init__(self, judges: Mapping[str, Judge]) -> None:
        self._judges = judges

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Return one inference a feature vector. None is rejected: of a doubtful one it is said why it is doubtful."""
        return Result(emits=(Emit(Stage.INFERENCE, self._judges[asset_class].judge(rows)),))

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Return nothing: no verdict waits for the clock."""
        return Result()

    def needed_from(self) -> int | None:
        """Return None: nothing is held between batches."""
        return None


def count_decisions(asset_class: str, result: Result) -> Iterable[Count]:
    """Count a result's verdicts by decision."""
    for emit in result.emits:
        for decision, amount in emit.rows["decision"].value_counts().iter_rows():
            yield Count("andon_inferences_total", {"asset_class": asset_class, "decision": decision}, amount)
