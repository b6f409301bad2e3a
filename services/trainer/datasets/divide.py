"""Which windows are learned from, which set limits, and which judge: by time, with gaps. Pure.

::

    time      ─────────────────────────────────────────────►
    an asset  [ train 60 % ) gap [ calibration 20 % ) gap [ test 20 % )
    holds       normal only        normal only              what was told of, too

Shares count windows of normal operation, so that each part has its share of them however long the machine was abnormal.
"""

from __future__ import annotations

import polars as pl

from andon.errors import TrainingError
from andon.features import FeatureDefinition

TRAIN, CALIBRATION, TEST = PARTS = ("train", "calibration", "test")
#: A part that is asked for, beside the others: see `services.trainer.datasets.balance`.
LABELLED = "labelled"
#: Where the second and the third part begin, as shares of an asset's normal windows.
_CUTS = (0.6, 0.8)
#: Reasons to leave a window out; the first that holds is counted.
GAP, BAD, MAINTENANCE, UNKNOWN, ABNORMAL = ("gap", "bad_quality", "maintenance", "no_truth", "abnormal")


def mark_windows(
    vectors: pl.DataFrame, frames: pl.DataFrame, truth: pl.DataFrame | None, min_good_ratio: float
) -> pl.DataFrame:
    """Say of each window what keeps it out of normal operation.

    Args:
        vectors: as `andon.features.compute.windows` returns them.
        frames: asset, time and context.
        truth: asset, time and `abnormal` of frames; None where nobody labelled any, which takes all for normal.
        min_good_ratio: below this share of good samples a model abstains.

    Returns:
        The vectors with `abnormal` (Boolean, the truth of the last labelled frame in or before the window) and
        `reason`: why the window is not normal operation that can be learned from; null where it is.
    """
    served = frames.filter(pl.col("context").struct.field("maintenance").is_not_null())
    labels = truth if truth is not None else frames.select("asset", "time", abnormal=pl.lit(value=False))
    windows = vectors.with_columns(last=pl.col("time") - 1).sort("last")
    windows = _latest(windows, served.select("asset", "time"), "maintained")
    windows = _latest(windows, labels.filter("abnormal").select("asset", "time"), "labelled")
    known = labels.select("asset", pl.col("time").alias("labelled_at"), "abnormal").sort("labelled_at")
    windows = windows.join_asof(known, left_on="last", right_on="labelled_at", by="asset", check_sortedness=False)
    reason = (
        pl.when(pl.col("good_ratio") < min_good_ratio)
        .then(pl.lit(BAD))
        .when(pl.col("maintained") >= pl.col("start"))
        .then(pl.lit(MAINTENANCE))
        .when(pl.col("abnormal").is_null())
        .then(pl.lit(UNKNOWN))
        .when(pl.col("labelled") >= pl.col("start"))
        .then(pl.lit(ABNORMAL))
    )
    return windows.select(*vectors.columns, "abnormal", reason=reason).sort("asset", "time")


def divide(marked: pl.DataFrame, definition: FeatureDefinition) -> tuple[dict[str, pl.DataFrame], dict[str, int]]:
    """Divide each asset's windows by time.

    Args:
        marked: as `mark_windows` returns them.
        definition: gives the window's length, which is left out between two parts.

    Returns:
        Part to its windows, by asset and time, and reason to the windows that it kept out.

    Raises:
        TrainingError: a part holds no window.
    """
    normal = pl.col("reason").is_null().cast(pl.Int64)
    rank = (normal.cum_sum() - normal).over("asset") / normal.sum().over("asset")
    rows = marked.sort("asset", "time").with_columns(part=sum((rank >= cut).cast(pl.Int64) for cut in _CUTS))
    ends = rows.group_by("asset", pl.col("part") + 1).agg(before=pl.col("time").max())
    rows = rows.join(ends, on=["asset", "part"], how="left", maintain_order="left")
    in_gap = (pl.col("start") < pl.col("before") + definition.window).fill_null(value=False)
    judged = (pl.col("part") == PARTS.index(TEST)) & (pl.col("reason") == ABNORMAL)
    rows = rows.with_columns(
        reason=pl.when(in_gap).then(pl.lit(GAP)).when(~judged.fill_null(value=False)).then("reason")
    )
    kept = rows.filter(pl.col("reason").is_null())
    parts = {name: kept.filter(part=number).drop("part", "before", "reason") for number, name in enumerate(PARTS)}
    left_out = dict(sorted(rows["reason"].drop_nulls().value_counts().rows()))
    if empty := [name for name, part in parts.items() if part.is_empty()]:
        raise TrainingError(
            f"no window is left for {' and '.join(empty)}: {marked.height} windows, of which left out: "
            f"{left_out or 'none'}; take a longer period, or check labels and maintenance"
        )
    return parts, left_out


def _latest(windows: pl.DataFrame, moments: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the time of the latest of *moments* that lies before a window's end."""
    marks = moments.sort("time").rename({"time": name}).with_columns(pl.col(name).alias(f"{name}_at"))
    found = windows.join_asof(marks, left_on="last", right_on=f"{name}_at", by="asset", check_sortedness=False)
    return found.drop(f"{name}_at", strict=False)
