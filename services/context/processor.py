"""Raw frames in, context frames out: the context stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from andon.clock import isoformat
from andon.contracts import DeadLetterReason, Origin
from andon.contracts.frames import Bounds
from andon.contracts.ids import event_ids
from andon.plant import AssetClass, Plant
from andon.quality import Arrivals, Inspected, Inspector, Scores
from andon.quality.marks import Floats
from andon.stream import Count, Emit, Processor, Rejected, Result, StageSpec
from andon.stream.repeats import Mask, Repeats
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET, TRACEPARENT, Level, State
from andon.uns import Stage
from services.context.circumstances import Circumstances
from services.context.sent import Sent
from services.context.settings import ContextSettings

#: Fields of a raw frame that are made anew; they are not even parsed.
_UNUSED = ("id",)
_BOUNDS = pl.Struct(dict.fromkeys(Bounds.model_fields, pl.Float64))


def context_stage(
    plant: Plant, settings: ContextSettings, circumstances: Circumstances | None = None, sent: Sent | None = None
) -> StageSpec:
    """Return the context stage of *plant*: each raw frame once more, in the model's units, with marks and context.

    Without *circumstances* nothing is told of the plant but its calendar. The stage's memory is rebuilt from the frames
    before; only how far it has delivered is kept.
    """
    known = circumstances or Circumstances(plant)
    classes = {name: _FrameClass(plant, name, known) for name in plant.classes}

    def open_partition(_: Mapping[str, State], delivered: int) -> Processor:
        return ContextProcessor(classes, settings, known, sent, delivered)

    history = settings.input == "backfill"
    return StageSpec(
        "context-backfill" if history else "context",
        Stage(settings.input),
        (Stage.CONTEXT,),
        open_partition,
        stateful=True,
        without=_UNUSED,
        measure=measure_quality,
    )


def measure_quality(asset_class: str, result: Result) -> Iterable[Count | Level]:
    """Count a result's samples by quality mark, and take the mean of its assets' newest scores."""
    yield from count_marks(asset_class, result)
    for emit in result.emits:
        newest = emit.rows.group_by("asset").agg(pl.col("quality_score").drop_nulls().last())
        scores = newest["quality_score"].drop_nulls().to_numpy()
        if len(scores):
            yield Level("andon_quality_score", {"asset_class": asset_class}, float(scores.mean()))


def count_marks(asset_class: str, result: Result) -> Iterable[Count]:
    """Count a result's samples by quality mark, and its frames whose context may be stale."""
    for emit in result.emits:
        stale = int(emit.rows["context"].struct.field("stale").sum())
        if stale:
            yield Count("andon_stale_frames_total", {"asset_class": asset_class}, stale)
        marked = emit.rows["quality"].drop_nulls()
        if len(marked):
            marks = pl.concat(list(marked.struct.unnest())).drop_nulls()
            for mark, amount in marks.value_counts().iter_rows():
                yield Count("andon_marked_samples_total", {"asset_class": asset_class, "quality": mark}, amount)


class _FrameClass:
    """What is the same for all frames of an asset class."""

    def __init__(self, plant: Plant, name: str, circumstances: Circumstances) -> None:
        self._name = name
        self.asset_class: AssetClass = plant.classes[name]
        self.assets = pl.Enum([path for path, asset in plant.assets.items() if asset.asset_class == name])
        self.numbers = circumstances.numbers(self.assets.categories.to_list())
        self._constants = [
            pl.lit(name).alias("asset_class"),
            pl.lit(plant.version).alias("plant"),
            _units(self.asset_class),
            _limits(self.asset_class),
        ]
        self._id = event_ids(Stage.CONTEXT, plant.version)

    def inspector(self) -> Inspector:
        """Return a judge of the class's samples that has seen none yet."""
        return Inspector(self.asset_class, len(self.assets.categories))

    def scores(self, half_life: int) -> Scores:
        """Return a judge of the class's assets that has seen no frame yet."""
        return Scores(self.asset_class, len(self.assets.categories), half_life)

    def context(self, arrivals: Arrivals, inspected: Inspected, circumstances: Circumstances) -> pl.Series:
        """Return the contract's `context` of frames."""
        return circumstances.context(self._name, self.numbers[arrivals.asset], arrivals.time, inspected)

    def events(self, rows: pl.DataFrame, inspected: Inspected, scores: Floats, context: pl.Series) -> pl.DataFrame:
        """Return the columns of `andon.contracts.ContextFrame` and of its lineage."""
        score = pl.Series("quality_score", scores, nan_to_null=True)
        return rows.with_columns(inspected.values.to_struct("values"), inspected.quality, score, context).select(
            self._id,
            *("asset", "time", "ingest_time"),
            pl.col("origin").fill_null(Origin.LIVE.value),
            pl.col("revision").fill_null(0),
            *("server_time", "session", "sequence", "values", "status", "carried"),
            *self._constants,
            *("quality", "quality_score", "context"),
            pl.col(OFFSET).alias(FIRST_OFFSET),
            pl.col(OFFSET).alias(LAST_OFFSET),
            TRACEPARENT,
        )


class ContextProcessor:
    """The context stage of one partition.

    Args:
        classes: what is known of each asset class.
        settings: which event times are believed.
        circumstances: what is known of the plant; shared by all partitions of a worker.
        sent: told how far frames have been sent, if somebody wants to know.
        delivered: input offset below which all results have been delivered.
    """

    def __init__(
        self,
        classes: Mapping[str, _FrameClass],
        settings: ContextSettings,
        circumstances: Circumstances,
        sent: Sent | None,
        delivered: int,
    ) -> None:
        self._classes = classes
        self._settings = settings
        self._circumstances, self._sent = circumstances, sent
        self._delivered = delivered
        self._inspectors = {name: each.inspector() for name, each in classes.items()}
        self._scores = {name: each.scores(settings.quality_half_life) for name, each in classes.items()}
        self._repeats = {name: Repeats(len(each.assets.categories)) for name, each in classes.items()}
        self._clock = 0

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Return each frame with context, but for repeated ones and those whose event time cannot be true."""
        if self._settings.input == "backfill":
            # Whatever its sender says: what came this way must not be taken for live behind it.
            rows = rows.with_columns(origin=pl.lit(Origin.BACKFILL.value))
        self._circumstances.catch_up()
        frame_class, settings = self._classes[asset_class], self._settings
        arrivals = Arrivals.of(rows, frame_class.assets, settings.future_tolerance, settings.max_age)
        inspected = self._inspectors[asset_class].inspect(rows["values"], rows["status"], arrivals)
        scores = self._scores[asset_class].update(arrivals, inspected.codes)
        # An ingest clock that runs ahead of ours does not prove that all others have been silent since.
        self._clock = max(self._clock, min(now, int(rows["ingest_time"].to_numpy().max(initial=0))))
        rejected = self._rejected(rows, arrivals, now)
        if self._sent:
            self._sent.note(frame_class.numbers[arrivals.asset], arrivals.time)
        context = frame_class.context(arrivals, inspected, self._circumstances)
        events = frame_class.events(rows, inspected, scores, context)
        # Marks depend on the frames before, so a frame sent again would be marked otherwise under the same id.
        repeated = self._repeated(asset_class, rows, arrivals)
        fresh = arrivals.offset >= self._delivered
        wanted = fresh & ~repeated & ~np.isin(arrivals.offset, [each.offset for each in rejected])
        emits = (Emit(Stage.CONTEXT, events if wanted.all() else events.filter(wanted)),) if wanted.any() else ()
        return Result(emits, rejected, repeated=int((repeated & fresh).sum()))

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Do nothing: a frame never waits."""
        return Result()

    def needed_from(self) -> int | None:
        """Return the offset of the first frame that the rules and scores remember."""
        needed = [inspector.needed_from(self._clock) for inspector in self._inspectors.values()]
        needed += [scores.needed_from(self._clock) for scores in self._scores.values()]
        return min((offset for offset in needed if offset is not None), default=None)

    def _repeated(self, asset_class: str, rows: pl.DataFrame, arrivals: Arrivals) -> Mask:
        revision = rows["revision"]
        if revision.null_count():
            revision = revision.fill_null(0)
        names = pl.DataFrame({"asset": arrivals.asset, "time": arrivals.time, "revision": revision})
        return self._repeats[asset_class].find(names)

    def _rejected(self, rows: pl.DataFrame, arrivals: Arrivals, now: int) -> tuple[Rejected, ...]:
        """Return the frames, among those that are not delivered yet, whose event time cannot be true."""
        latest, oldest = now + self._settings.future_tolerance, now - self._settings.max_age
        wrong = (arrivals.offset >= self._delivered) & ((arrivals.time > latest) | (arrivals.time < oldest))
        if not wrong.any():
            return ()
        history = pl.col("origin").eq_missing(Origin.BACKFILL.value)
        found = rows.filter(wrong).filter((pl.col("time") > latest) | ~history)
        return tuple(Rejected(offset, *_why(time, now)) for offset, time in found.select(OFFSET, "time").iter_rows())


def _why(time: int, now: int) -> tuple[DeadLetterReason, str]:
    if time > now:
        detail = f"event time {isoformat(time)} is ahead of the clock, {isoformat(now)}: correct the source's clock"
        return DeadLetterReason.FUTURE_TIME, detail
    detail = f"event time {isoformat(time)} is too long ago at {isoformat(now)}: send history with origin backfill"
    return DeadLetterReason.TOO_OLD, detail


def _units(asset_class: AssetClass) -> pl.Expr:
    units = {name: tag.unit for name, tag in asset_class.tags.items()}
    return pl.lit(units, dtype=pl.Struct(dict.fromkeys(units, pl.String))).alias("units")


def _limits(asset_class: AssetClass) -> pl.Expr:
    """Return the limits of the tags that have some; an empty struct, which is `{}` in JSON, when none has."""
    limits = {name: tag.limits.model_dump() for name, tag in asset_class.tags.items() if tag.limits is not None}
    return pl.lit(limits, dtype=pl.Struct(dict.fromkeys(limits, _BOUNDS))).alias("limits")
