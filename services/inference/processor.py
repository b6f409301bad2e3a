"""Feature vectors in, verdicts out: the inference stage."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from andon.models import Bundle, cpu_limit
from andon.plant import Plant
from andon.serving.lineup import Lineup
from andon.stream import Emit, Processor, Result, StageSpec
from andon.stream.stage import State
from andon.uns import Stage
from services.inference.compare import count_verdicts
from services.inference.judge import Judge
from services.inference.settings import InferenceSettings

#: Fields of a feature vector that the stage does not read; they are not even parsed.
_UNUSED = ("id", "asset_class", "samples", "expected")
_NO_MODELS = Lineup(None)


def inference_stage(plant: Plant, bundles: Mapping[str, Bundle], settings: InferenceSettings) -> StageSpec:
    """Return the inference stage of *plant* with one model a class that stays as it is; see `InferenceProcessor.of`."""
    lineups = {name: Lineup(bundle) for name, bundle in bundles.items()}
    return stage_of(InferenceProcessor.of(plant, lineups, settings))


def stage_of(processor: InferenceProcessor) -> StageSpec:
    """Return the inference stage that *processor* does: a verdict of each model on each feature vector, in order."""

    def open_partition(_state: Mapping[str, State], _delivered: int) -> Processor:
        return processor  # it keeps nothing between batches, so all partitions share it

    return StageSpec(
        "inference", Stage.FEATURE, (Stage.INFERENCE,), open_partition, without=_UNUSED, measure=count_verdicts
    )


class InferenceProcessor:
    """The inference stage; between batches it keeps nothing but its judges.

    Args:
        judges: asset class to who judges its windows.
    """

    def __init__(self, judges: Mapping[str, Judge]) -> None:
        self._judges = judges

    @classmethod
    def of(cls, plant: Plant, lineups: Mapping[str, Lineup], settings: InferenceSettings) -> InferenceProcessor:
        """Return the processor of *plant*.

        Args:
            plant: gives the asset classes and the limits of their tags.
            lineups: asset class to its models; a class without any is watched by its limits alone.
            settings: how the models are run.

        Raises:
            BundleError: a model's graph breaks the contract.
        """
        return cls({name: judge_of(plant, name, lineups.get(name, _NO_MODELS), settings) for name in plant.classes})

    def swap(self, asset_class: str, judge: Judge) -> None:
        """Let *judge* judge the windows of a class from the next batch on.

        May be called from another thread than `process`, but from one only: a batch looks up its judge once, and the
        table of judges is replaced as a whole.
        """
        self._judges = {**self._judges, asset_class: judge}

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Return one inference a model and feature vector. None is rejected: a doubtful one is said to be doubtful.

        A verdict depends on its window alone, not on *now*: what is read again has the same verdict again.
        """
        frames = self._judges[asset_class].judge(rows)
        return Result(emits=tuple(Emit(Stage.INFERENCE, frame) for frame in frames))

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Return nothing: no verdict waits for the clock."""
        return Result()

    def needed_from(self) -> int | None:
        """Return None: nothing is held between batches."""
        return None


def judge_of(plant: Plant, name: str, lineup: Lineup, settings: InferenceSettings) -> Judge:
    """Return the judge of an asset class of *plant* with the models in *lineup*.

    Raises:
        BundleError: a model's graph breaks the contract.
    """
    threads = settings.inference.threads or cpu_limit()
    return Judge(name, plant.classes[name], lineup, threads=threads, top=settings.inference.top_contributions)
