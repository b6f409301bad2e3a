"""Published recordings in their own layouts, as arrays: what the benches of detection read."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from andon.evaluation.record import Bools, Floats
from bench.common import BenchError

_SKAB_LABELS = ("anomaly", "changepoint")
#: Rows at the start of each file that are normal and learned from (the benchmark's protocol).
NORMAL_ROWS = 400
#: Columns of a Tennessee Eastman file, and the sample from which the fault of a test file is active (counted from 0).
TEP_VARIABLES, TEP_FAULT_FROM = 52, 160


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recording of n rows: `values` ``[n, d]`` of the tags `names`, and whether each row is abnormal ``[n]``."""

    name: str
    names: tuple[str, ...]
    values: Floats
    truth: Bools


def skab_files(folder: Path) -> list[Labelled]:
    """Read all CSV files of a folder in the layout of the Skoltech Anomaly Benchmark.

    A file is separated by `;` and holds `datetime`, the tags and, where it is labelled, `anomaly` and `changepoint`. A
    gap is filled with the value before it.

    Raises:
        BenchError: the folder holds no such file, or one cannot be read; says which and why.
    """
    paths = sorted(folder.glob("*.csv"), key=lambda path: (len(path.stem), path.stem))
    if not paths:
        raise BenchError(f"{folder} holds no *.csv: give a folder of the Skoltech Anomaly Benchmark, such as valve1")
    return [_skab_file(path) for path in paths]


def _skab_file(path: Path) -> Labelled:
    try:
        table = pl.read_csv(path, separator=";")
        tags = table.drop("datetime", *_SKAB_LABELS, strict=False).cast(pl.Float64).fill_null(strategy="forward")
    except pl.exceptions.PolarsError as error:
        raise BenchError(f"{path} is not in SKAB's layout: {str(error).splitlines()[0]}") from None
    if not tags.width or "datetime" not in table.columns:
        raise BenchError(f"{path} is not in SKAB's layout: no column `datetime` and tags, separated by `;`")
    if table.height <= NORMAL_ROWS:
        raise BenchError(
            f"{path} has {table.height} rows, of which the first {NORMAL_ROWS} are learned from: none is left"
        )
    if missing := [tag for tag in tags.columns if tags[tag].null_count()]:
        raise BenchError(f"{path}: {missing[0]} has no value in its first row, which later gaps are filled from")
    labelled = "anomaly" in table.columns
    truth = (table["anomaly"] > 0).to_numpy() if labelled else np.zeros(table.height, np.bool_)
    return Labelled(path.stem, tuple(tags.columns), tags.to_numpy(), truth)


def tep_file(folder: Path, name: str) -> Labelled:
    """Read a file of the Tennessee Eastman process, such as `d01_te`: 52 variables every three minutes.

    In test files of a fault the fault is active from sample 161 on; in training files from the first.

    Raises:
        BenchError: the file is not there or not of this layout.
    """
    path = folder / f"{name}.dat.xz"
    try:
        with lzma.open(path, "rt") as file:
            values = np.loadtxt(file)
    except (OSError, ValueError, lzma.LZMAError) as error:
        raise BenchError(f"{path} cannot be read: {error}") from None
    if TEP_VARIABLES not in values.shape:
        raise BenchError(f"{path} is {values.shape[0]} x {values.shape[1]}: none of both is {TEP_VARIABLES} variables")
    values = values if values.shape[1] == TEP_VARIABLES else values.T  # one of the published files lies on its side
    truth = np.full(len(values), not name.startswith("d00"))
    truth[: TEP_FAULT_FROM if name.endswith("_te") else 0] = False
    return Labelled(name, tuple(f"v{column:02}" for column in range(1, TEP_VARIABLES + 1)), values, truth)
