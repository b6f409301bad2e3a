"""Which windows of a normal period a model is fitted on, and which later ones set its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import polars as pl

from andon.clock import SECOND
from andon.errors import TooLittleDataError
from andon.features import FeatureDefinition

#: Share of each asset's windows, the earliest ones, that a model is fitted on.
FIT_SHARE = 0.7
#: Fewer windows to fit on say nothing about how features move together.
FEWEST_FIT = 20
#: Fewer windows to calibrate on say nothing about how far normal scores reach.
FEWEST_CALIBRATION = 10


@dataclass(frozen=True, slots=True)
class Split:
    """Windows of a normal period, sorted by asset and time; `set_aside` counts those in neither part."""

    fit: pl.DataFrame
    calibration: pl.DataFrame
    set_aside: int


def split_windows(vectors: pl.DataFrame, definition: FeatureDefinition, min_good_ratio: float) -> Split:
    """Split each asset's usable windows by time: the first part to fit on, the last to calibrate with.

    Between the parts one window's length is left out, so that no sample counts in both and the
    calibration is no mere continuation of the last fitted window.

    Args:
        vectors: columns `asset`, `start`, `time` (the window's end) and `good_ratio`.
        definition: gives the window's length.
        min_good_ratio: windows with a smaller share of good samples are set aside.

    Raises:
        TooLittleDataError: too few windows remain; says how many more are needed.
    """
    usable = vectors.filter(pl.col("good_ratio") >= min_good_ratio).sort("asset", "time")
    fit_rows = (pl.len().over("asset") * FIT_SHARE).floor()
    is_fit = pl.int_range(pl.len()).over("asset") < fit_rows
    marked = usable.with_columns(is_fit.alias("is_fit"))
    fit_end = pl.col("time").filter("is_fit").max().over("asset")
    fit = marked.filter("is_fit").drop("is_fit")
    calibration = marked.filter(~pl.col("is_fit") & (pl.col("start") >= fit_end + definition.window)).drop("is_fit")
    check_enough(fit, calibration, definition, bad=vectors.height - usable.height, min_good_ratio=min_good_ratio)
    return Split(fit, calibration, set_aside=vectors.height - fit.height - calibration.height)


def check_enough(
    fit: pl.DataFrame, calibration: pl.DataFrame, definition: FeatureDefinition, *, bad: int, min_good_ratio: float
) -> None:
    """Check that windows suffice to fit and to calibrate with.

    Args:
        fit: windows to fit on.
        calibration: windows to calibrate with.
        definition: gives the distance between windows.
        bad: windows that were set aside for their good_ratio.
        min_good_ratio: below which they were.

    Raises:
        TooLittleDataError: there are too few; says how many more are needed.
    """
    more = max(
        math.ceil((FEWEST_FIT - fit.height) / FIT_SHARE),
        math.ceil((FEWEST_CALIBRATION - calibration.height) / (1 - FIT_SHARE)),
    )
    if more <= 0:
        return
    raise TooLittleDataError(
        f"too few windows: {fit.height} to fit on (at least {FEWEST_FIT} are needed) and {calibration.height} to "
        f"calibrate with (at least {FEWEST_CALIBRATION}); {bad} more have a good_ratio below {min_good_ratio:g}. "
        f"About {more} more windows are needed: record {more * definition.step / SECOND:g} s more of normal "
        "operation, or find out why samples are bad (or fewer than the class's `scan` promises)"
    )
