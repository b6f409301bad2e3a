"""Playing a recording at a pace: which frames are due now. Shared by all machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import polars as pl

from andon.clock import SECOND, wall_clock

#: Shortest wait between two steps, microseconds: frames that fall due within it go together.
_STEP = SECOND // 20


def load_frames(file: Path, shift: int) -> pl.DataFrame:
    """Return the frames of a simulation's ``frames.parquet`` (asset, time, one column a tag) in time order.

    Args:
        file: the Parquet file.
        shift: added to each time, microseconds.
    """
    return pl.read_parquet(file).with_columns(pl.col("time") + shift).sort("time", maintain_order=True)


async def play(frames: pl.DataFrame, speed: float) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the rows that have fallen due, in time order, until all are out.

    Args:
        frames: in time order; `time` in microseconds.
        speed: recorded seconds per second.
    """
    started, first, done = wall_clock(), int(frames["time"][0]), 0
    while done < frames.height:
        await asyncio.sleep(_STEP / SECOND)
        reached = first + int((wall_clock() - started) * speed)
        upto = int(frames["time"].search_sorted(reached, side="right"))
        if upto > done:
            yield frames[done:upto].to_dicts()
            done = upto
