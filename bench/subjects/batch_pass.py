"""A stage that passes frames on, on the batch runtime: decode, process, encode, send, commit."""

from __future__ import annotations

import polars as pl

from andon.plant import Plant
from andon.service import run_stage
from andon.settings import Settings
from andon.stream import Emit, Result, StageSpec
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET
from andon.telemetry import Metrics
from andon.uns import Stage


class _PassOn:
    def process(self, _: str, rows: pl.DataFrame, __: int) -> Result:
        lineage = pl.col(OFFSET).alias(FIRST_OFFSET), pl.col(OFFSET).alias(LAST_OFFSET)
        return Result(emits=(Emit(Stage.CONTEXT, rows.with_columns(lineage).drop(OFFSET)),))

    def tick(self, _: int, __: int) -> Result:
        return Result()

    def needed_from(self) -> int | None:
        return None


def _build(_: Plant, __: Settings, ___: Metrics) -> StageSpec:
    return StageSpec("pass", Stage.RAW, (Stage.CONTEXT,), lambda _, __: _PassOn())


if __name__ == "__main__":
    run_stage("pass", Settings, _build)
