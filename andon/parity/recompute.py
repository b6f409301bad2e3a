"""Feature vectors once more, each from the frames that its lineage names, by the offline path. Pure."""

from __future__ import annotations

import numpy as np
import polars as pl

from andon.contracts import Origin
from andon.features.compute import vectors
from andon.features.inputs import input_columns
from andon.features.membership import Membership, Span, assign
from andon.features.segments import Ints
from andon.plant import AssetClass

#: Row of the wanted vectors that a recomputed one is for.
NUMBER = "number"


def recompute(wanted: pl.DataFrame, frames: pl.DataFrame, asset_class: AssetClass) -> pl.DataFrame:
    """Compute vectors again.

    Args:
        wanted: vectors of one asset class and its feature definition: `asset`, `start`, `time`, `revision`, and
            `first_offset` and `last_offset` of the frames that went into each.
        frames: context frames in offset order: `asset`, `time`, `origin`, `values`, `quality`, `context`, `offset`;
            others may lie between those that are needed.
        asset_class: gives the definition.

    Returns:
        `NUMBER` and the columns of `andon.features.compute.vectors`; no row for a vector that has no frame.
    """
    definition = asset_class.feature_definition
    # A vector of history has an odd revision and is made of frames of history, see the feature service.
    lane = _lanes(wanted, pl.col("revision") % 2 == 1), _lanes(frames, pl.col("origin") == Origin.BACKFILL)
    number, row = _pairs(wanted, frames, *lane)
    end, time = wanted["time"].to_numpy()[number], frames["time"].to_numpy()
    members = assign(number, time[row], definition, Span(after=end - 1, until=end))
    own = Membership(row[members.rows], members.segments, members.end)
    found = vectors(time, frames.select(input_columns(definition)), own, definition, asset_class.scan)
    return found.select(pl.Series(NUMBER, number[members.rows[members.segments.starts]]), pl.all())


def _lanes(rows: pl.DataFrame, is_history: pl.Expr) -> pl.Series:
    return rows.select(pl.struct("asset", history=is_history.fill_null(value=False))).to_series()


def _pairs(wanted: pl.DataFrame, frames: pl.DataFrame, own: pl.Series, lanes: pl.Series) -> tuple[Ints, Ints]:
    """Return pairs of a wanted vector's row and the row of a frame in its window and its lineage, in offset order."""
    known = pl.concat([own, lanes]).unique(maintain_order=True).to_frame("lane").with_row_index("code")
    code, wanted_code = (
        series.to_frame("lane")
        .join(known, on="lane", how="left", maintain_order="left")["code"]
        .to_numpy()
        .astype(np.int64)
        for series in (lanes, own)
    )
    time = frames["time"].to_numpy()
    first = time.min(initial=2**53)
    span = max(0, int(time.max(initial=0) - first)) + 1
    # Lane and time in one number: what a window holds of one lane are then neighbours.
    key = code * span + (time - first)
    order = np.argsort(key, kind="stable")
    start, end = (np.clip(wanted[name].to_numpy() - first, 0, span) + wanted_code * span for name in ("start", "time"))
    low, high = np.searchsorted(key[order], start), np.searchsorted(key[order], end)
    lengths = high - low
    number = np.repeat(np.arange(wanted.height), lengths)
    row = order[np.arange(len(number)) - np.repeat(np.cumsum(lengths) - lengths - low, lengths)]
    offset = frames["offset"].to_numpy()[row]
    within = wanted.select("first_offset", "last_offset").to_numpy()[number]
    named = (within[:, 0] <= offset) & (offset <= within[:, 1])
    return number[named], row[named]
