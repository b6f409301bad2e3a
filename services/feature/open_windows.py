"""The open windows of one asset class in one partition.

Every asset has its own watermark, newest event time - lateness; all its windows that end at or before it are closed.
A frame moves the watermark for the frames behind it in the log, whatever poll brings them, so the way in which polls
cut the log changes no result. With windows of 1 s, a lateness of 0.5 s and five frames, numbered as in the log::

    event time    0     1     2     3
    frame         |   4 |  1  | 2 5 |3      3 moves the watermark to 2.6: windows up to 2 are closed, so 4 is late;
                                            5 is in time for the window from 2 to 3

A frame that is late for some of its windows goes into the others. Of frames with one asset and time the first counts;
one that repeats a frame read lately is not late, even when its window has closed (`andon.stream.repeats`).

History has lanes of its own: an asset's frames of origin backfill have another watermark and other windows than its
live ones, so that neither closes the other's windows or makes the other late. A window that both have frames of, such
as one that an outage has cut, becomes an event of each lane with the same id. Revisions tell them apart: twice the
highest of the frames, and one more for history, which so replaces the fragment that was live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from andon.clock import SECOND, isoformat
from andon.contracts import DeadLetterReason, FeatureVector, Origin
from andon.contracts.ids import event_ids
from andon.features import FeatureDefinition
from andon.features.compute import vectors
from andon.features.inputs import input_columns
from andon.features.membership import AssetNumbers, Membership, Span, assign, pane_start
from andon.features.segments import Ints
from andon.plant import Plant
from andon.stream.repeats import Mask, Remembered, again
from andon.stream.stage import (
    FIRST_OFFSET,
    LAST_OFFSET,
    LINEAGE_COLUMNS,
    OFFSET,
    TRACEPARENT,
    Emit,
    Rejected,
    Result,
    State,
)
from andon.tracing.span import SAMPLED
from andon.uns import Stage
from services.feature.frontier import Frontiers, first_reaching

#: Columns of an emitted row but its id, in the contract's order.
_OUTPUT = (*(name for name in FeatureVector.model_fields if name != "id"), *LINEAGE_COLUMNS)
#: Prefix of the columns that hold inputs of features: whatever a tag is called, it is no other column's name.
_SAMPLE = "sample/"
#: Behind an asset's path, the name of its lane of history; no path has this character.
HISTORY = "@backfill"


@dataclass(frozen=True)
class _Due:
    """Windows that close now, and their frames.

    Attributes:
        frames: columns as kept; the frames of an asset are in the log's order.
        members: the windows.
    """

    frames: pl.DataFrame
    members: Membership

    @property
    def asset(self) -> AssetNumbers:
        """Number of each window's asset."""
        asset: AssetNumbers = self.frames["asset"].to_numpy()[self.members.rows[self.members.segments.starts]]
        return asset


class OpenWindows:
    """Frames of one asset class whose windows are still open.

    Args:
        plant: the plant model.
        name: of the asset class.
        state: per lane, how far windows are `closed` (microseconds) and the `offset` of the newest frame then.
            In these windows, that frame and those before it have been dealt with.
        delivered: input offset below which all results are delivered. What frames below it close is closed in
            `state`; frames below it that are late have been rejected.
    """

    def __init__(self, plant: Plant, name: str, state: Mapping[str, State], delivered: int) -> None:
        self._name, self._scan = name, plant.classes[name].scan
        self._definition = plant.classes[name].feature_definition
        assets = [path for path, asset in plant.assets.items() if asset.asset_class == name]
        # Columns called asset hold numbers of lanes: first all that are live, then all of history.
        self._lanes = [*assets, *(path + HISTORY for path in assets)]
        self._names = pl.Series([*assets, *assets])
        self._live = len(assets)
        self._columns = _columns(assets, self._lanes, self._definition)
        self._inputs = [pl.col(_SAMPLE + name).alias(name) for name in self._definition.inputs]
        self._frontiers = Frontiers(self._definition, self._lanes, state)
        self._dealt_with = np.maximum(self._frontiers.offset, delivered - 1)
        self._frames: list[pl.DataFrame] = []
        self._seen = Remembered()

    @property
    def needed_from(self) -> int | None:
        """Offset of the first frame that an open window needs; None when there is none."""
        return self._frames[0][OFFSET][0] if self._frames else None

    def process(self, rows: pl.DataFrame, now: int) -> Result:
        """Add frames, in offset order; close the windows that have waited long enough, reject frames behind those."""
        frames = rows.select(self._columns)
        asset, time, offset = (frames[name].to_numpy() for name in ("asset", "time", OFFSET))
        frontier = self._frontiers.advance(asset, time, offset, now)
        late = self._last_end(time) <= frontier
        frames = frames.hstack([pl.Series("closed", frontier)])
        self._keep(frames, ~late)
        closed = self._frontiers.closed.copy()
        closed[asset] = frontier  # of several assignments to one asset the last holds
        # What was dealt with before a restart only has to be remembered.
        unsettled = late & (offset > self._dealt_with[asset])
        outcome = self._sort_out(frames, unsettled) if unsettled.any() else Result()
        self._seen.add(frames)
        due = self._close(closed)
        if due is None:
            return outcome
        closing = first_reaching(asset, frontier, due.asset, due.members.end)
        emitted = self._emit(due, frames["ingest_time"].to_numpy()[closing])
        return replace(outcome, emits=emitted.emits, state=emitted.state)

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Close all windows of assets that have sent nothing for the definition's `idle`.

        This alone depends on the clock: if a crash loses the state that says so, the windows close again later, with
        the frames that have come since.
        """
        due = self._close(self._frontiers.behind_silent(now, caught_up_since))
        return Result() if due is None else self._emit(due, np.full_like(due.members.end, now))

    def _last_end(self, time: Ints) -> Ints:
        """Return the end of the last window that each event time lies in."""
        return pane_start(time, self._definition) + self._definition.window

    def _keep(self, frames: pl.DataFrame, needed: Mask) -> None:
        if needed.any():
            self._frames.append(frames if needed.all() else frames[np.flatnonzero(needed)])

    def _sort_out(self, frames: pl.DataFrame, late: Mask) -> Result:
        """Return which of the late frames are rejected, and how many only repeat frames read before.

        History may come in any order, newest first or twice over; what is behind its windows is nobody's mistake. Nor
        are frames that come again with a corrected context: their samples are the same.
        """
        behind = frames.filter(late)
        repeats = self._seen.among(behind) | again(frames)[late]
        history = (behind["asset"].to_numpy() >= self._live) | (behind["revision"].to_numpy() > 0)
        passed = ~repeats & history
        rejected = _rejected(behind.filter(~repeats & ~passed))
        return Result(rejected=rejected, repeated=int(repeats.sum()), passed=int(passed.sum()))

    def _close(self, closed: Ints) -> _Due | None:
        """Take out, per asset, the windows that end up to *closed*; None when there are none."""
        before, self._frontiers.closed = self._frontiers.closed, closed
        if not self._frames or np.array_equal(before, closed):
            return None
        frames = pl.concat(self._frames, rechunk=True)
        asset, time = frames["asset"].to_numpy(), frames["time"].to_numpy()
        span = Span(after=np.maximum(frames["closed"].to_numpy(), before[asset]), until=closed[asset])
        last = self._last_end(time)
        self._frames = []
        self._keep(frames, last > span.until)
        due = np.maximum(span.after, last - self._definition.window) < np.minimum(span.until, last)
        if not due.any():
            return None
        span = Span(span.after[due], span.until[due])
        return _Due(frames[np.flatnonzero(due)], assign(asset[due], time[due], self._definition, span))

    def _emit(self, due: _Due, ingest_time: Ints) -> Result:
        frames, members, asset = due.frames, due.members, due.asset
        inputs = frames.select(self._inputs)
        found = vectors(frames["time"].to_numpy(), inputs, members, self._definition, self._scan)
        starts = members.segments.starts
        first, last = np.minimum.reduceat(members.rows, starts), np.maximum.reduceat(members.rows, starts)
        highest = np.maximum.reduceat(frames["revision"].to_numpy()[members.rows], starts)
        rows = found.with_columns(
            self._names[asset].alias("asset"),
            pl.Series("ingest_time", ingest_time),
            frames["origin"][last],
            frames["context"][last],
            pl.Series("revision", 2 * highest + (asset >= self._live)),
            frames[OFFSET][first].alias(FIRST_OFFSET),
            frames[OFFSET][last].alias(LAST_OFFSET),
            frames[TRACEPARENT][_traced(frames[TRACEPARENT], members.rows, starts, last)],
            asset_class=pl.lit(self._name),
            definition=pl.lit(self._definition.hash),
        ).select(event_ids(Stage.FEATURE, self._definition.hash), *_OUTPUT)
        return Result(emits=(Emit(Stage.FEATURE, rows),), state=self._state(np.unique(asset)))

    def _state(self, assets: AssetNumbers) -> dict[str, State]:
        closed, offset = self._frontiers.closed[assets].tolist(), self._frontiers.offset[assets].tolist()
        return {self._lanes[asset]: {"closed": closed[i], "offset": offset[i]} for i, asset in enumerate(assets)}


def _rejected(late: pl.DataFrame) -> tuple[Rejected, ...]:
    return tuple(
        Rejected(
            offset,
            DeadLetterReason.LATE,
            f"sample of {isoformat(time)} came when the asset's windows were closed up to {isoformat(closed)}, "
            f"{(closed - time) / SECOND:.3f} s later",
        )
        for offset, time, closed in late.select(OFFSET, "time", "closed").iter_rows()
    )


def _traced(contexts: pl.Series, rows: Ints, starts: Ints, last: Ints) -> Ints:
    """Return per window the frame whose trace goes on: the last one that is recorded, or else the last one."""
    recorded = contexts.str.ends_with(SAMPLED).fill_null(value=False).to_numpy()
    if not recorded.any():
        return last
    newest = np.maximum.reduceat(np.where(recorded[rows], rows, -1), starts)
    return np.where(newest < 0, last, newest)


def _columns(assets: list[str], lanes: list[str], definition: FeatureDefinition) -> list[pl.Expr]:
    """Return the columns that are kept of a context frame."""
    # The type that numbers of lanes fit into, the smallest one: sorting by it is faster.
    number = pl.Series(dtype=pl.Enum(lanes)).to_physical().dtype
    history = pl.col("origin").eq_missing(Origin.BACKFILL).cast(number) * pl.lit(len(assets), dtype=number)
    return [
        pl.col("asset").cast(pl.Enum(assets)).to_physical().cast(number) + history,
        pl.col("time", "ingest_time", "context", OFFSET, TRACEPARENT),
        pl.col("origin").fill_null(Origin.LIVE),
        pl.col("revision").fill_null(0),
        *input_columns(definition, _SAMPLE),
    ]
