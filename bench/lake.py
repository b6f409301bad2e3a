"""An hour of the lake, as frames come and as its file is written: peak memory and processor time by frames."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from andon.clock import SECOND
from andon.contracts import Frame
from andon.plant import Plant
from andon.plant.columns import event_schema
from bench.child import peak_bytes
from bench.common import is_quick, result, table
from bench.frames import CLASS, T0, TAGS, frames, plant_document
from services.historian.lake.files import Files
from services.historian.lake.hours import HOUR
from services.historian.lake.lake import Lake, Pace

_MACHINES = 2_000
_POLL = 20_000
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Cost:
    """What an hour took.

    Attributes:
        kept: CPU seconds until all frames were on the disk, in small files.
        closed: CPU seconds until they were one file.
        peak: most resident memory, bytes.
        idle: what it was before the first frame was made.
        rows: in that file.
    """

    kept: float
    closed: float
    peak: int
    idle: int
    rows: int


def hour(count: int) -> Cost:
    """Give the lake *count* frames of one partition and one hour, in polls, and close it; for a new process."""
    scan = HOUR * _MACHINES // count
    plant = Plant.model_validate(plant_document(machines=_MACHINES, scan=scan))
    idle = peak_bytes(os.getpid())
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Files(Path(folder)), Pace(grace=60 * SECOND, idle_s=3_600))
        kept = 0.0
        for first in range(0, count, _POLL):
            poll = _poll(plant, first)
            begun = time.process_time()
            lake.append([(CLASS, poll)], 0.0)
            lake.close_due(0.0)
            kept += time.process_time() - begun
        begun = time.process_time()
        lake.close_all()
        closed = time.process_time() - begun
        (file,) = Path(folder).glob("raw/**/*.parquet")
        rows = pl.scan_parquet(file).select(pl.len()).collect().item()
        return Cost(kept, closed, peak_bytes(os.getpid()), idle, rows)


def _poll(plant: Plant, first: int) -> pl.DataFrame:
    nothing = pl.DataFrame(schema=event_schema(Frame, plant.classes[CLASS], without=("id",)))
    made = frames(plant, first, _POLL, machines=_MACHINES, start=T0 // HOUR * HOUR)
    return pl.concat([nothing, made.drop("id")], how="diagonal").with_columns(partition=pl.lit(0, pl.Int32))


def main() -> None:
    counts = (200_000, 1_000_000) if is_quick(__doc__ or "") else (1_000_000, 5_000_000)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as fresh:
        costs = dict(zip(counts, fresh.map(hour, counts), strict=True))
    table(
        f"An hour of frames of {_MACHINES:,} machines with {len(TAGS)} tags, in polls of {_POLL:,} of one partition",
        ("frames", "rows in its file", "CPU us a frame, kept", "put together", "peak MiB", "of which idle"),
        [
            (
                f"{count:,}",
                f"{cost.rows:,}",
                f"{cost.kept / count * 1e6:.2f}",
                f"{cost.closed / count * 1e6:.2f}",
                f"{cost.peak / _MIB:.0f}",
                f"{cost.idle / _MIB:.0f}",
            )
            for count, cost in costs.items()
        ],
    )
    few, many = (costs[count] for count in counts)
    result(
        "lake",
        peak_mib=many.peak / _MIB,
        peak_ratio=many.peak / few.peak,
        us_a_frame=(many.kept + many.closed) / counts[1] * 1e6,
        lost=sum(count - cost.rows for count, cost in costs.items()),
    )


if __name__ == "__main__":
    main()
