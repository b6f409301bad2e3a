"""Feature vectors in, changes of machines' states out: the drift stage. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from zlib import crc32

import polars as pl

from andon.clock import SECOND
from andon.contracts import DriftReport, Origin
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream import Count, Emit, Processor, Result, StageSpec
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET, TRACEPARENT, Level
from andon.stream.stage import State as Kept
from andon.uns import Stage
from services.drift.abstention import Abstention
from services.drift.machines import Machines
from services.drift.opinions import Opinions
from services.drift.report import Reporter
from services.drift.settings import WatchSettings
from services.drift.telling import levels
from services.drift.watch import Abstaining, Watch

_UNUSED = ("id", "asset_class", "samples", "expected", "good_ratio")
_LINEAGE = {FIRST_OFFSET: pl.Int64(), LAST_OFFSET: pl.Int64(), TRACEPARENT: pl.String()}
_PHASES = 1_000
#: How often gauges are brought up to date, microseconds.
_LEVELS_EVERY = 5 * SECOND


class Watches:
    """What each class is watched with at the moment; shared by all partitions of a worker, and swapped as a whole."""

    def __init__(self, plant: Plant) -> None:
        self._watches: dict[str, Watch | Abstaining] = {
            name: Abstaining(None, f"{Abstention.NO_MODEL}: there is no trusted model for class {name}")
            for name in plant.classes
        }

    def swap(self, asset_class: str, watch: Watch | Abstaining) -> None:
        """Watch a class with *watch* from the next batch on; may be called from another thread than that of batches."""
        self._watches = {**self._watches, asset_class: watch}

    def of(self, asset_class: str) -> Watch | Abstaining:
        """Return what a class is watched with."""
        return self._watches[asset_class]


def drift_stage(plant: Plant, settings: WatchSettings, watches: Watches, opinions: Opinions | None = None) -> StageSpec:
    """Return the drift stage of *plant*: one event per change of a machine's state.

    Args:
        plant: the plant model.
        settings: how machines are watched.
        watches: what with.
        opinions: what people say of alerts; nobody says anything when not given.
    """
    said = opinions or Opinions()
    reporters = {name: Reporter(name, asset_class, settings.settle) for name, asset_class in plant.classes.items()}
    schemas = {name: event_schema(DriftReport, each) | _LINEAGE for name, each in plant.classes.items()}

    def open_partition(kept: Mapping[str, Kept], _delivered: int) -> Processor:
        # What a machine's state has told is in it, with the offset: no other is needed to tell nothing twice.
        return DriftProcessor(plant, settings, watches, said, reporters, schemas, kept)

    return StageSpec(
        "drift", Stage.FEATURE, (Stage.DRIFT,), open_partition, stateful=True, without=_UNUSED, measure=_measured
    )


@dataclass(frozen=True, slots=True)
class Told(Result):
    """A result with what is to be shown of it.

    Attributes:
        measured: amounts and levels of the metric catalogue.
    """

    measured: tuple[Count | Level, ...] = ()


@dataclass(slots=True)
class _Unsaved:
    """Windows of a machine that its written state does not hold yet: where they begin, and when it is to be written."""

    offset: int
    due: int


class DriftProcessor:
    """The drift stage of one partition.

    A machine's state is written when a report is made, and else every `snapshot_every`; `needed_from` names the first
    window that no written state holds, so a restart comes to the same state, and so to the same reports with the same
    ids, as if it had not been.

    Args:
        plant: the plant model.
        settings: how machines are watched.
        watches: what with.
        opinions: what people say of alerts.
        reporters: class to who writes its reports.
        schemas: columns of the reports of each class.
        kept: what a former worker wrote of each machine.
    """

    def __init__(
        self,
        plant: Plant,
        settings: WatchSettings,
        watches: Watches,
        opinions: Opinions,
        reporters: Mapping[str, Reporter],
        schemas: Mapping[str, Mapping[str, pl.DataType]],
        kept: Mapping[str, Kept],
    ) -> None:
        self._plant, self._settings, self._watches, self._opinions = plant, settings, watches, opinions
        self._reporters, self._schemas = reporters, schemas
        self._machines: dict[str, Machines] = {}
        self._kept = dict(kept)
        self._unsaved: dict[str, _Unsaved] = {}
        self._levels_due: dict[str, int] = {}
        self._position = {asset: int(state["offset"]) for asset, state in kept.items()}

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Take one poll's windows of one class; reports depend on event time only, *now* on when state is written."""
        machines, fresh = self._of(asset_class), self._fresh(rows)
        spans = fresh.group_by("asset").agg(first=pl.col(OFFSET).min(), last=pl.col(OFFSET).max())
        for asset, first, last in spans.iter_rows():
            self._position[asset] = last
            self._unsaved.setdefault(asset, _Unsaved(first, now + self._pause(asset)))
        changes = list(machines.take(fresh))
        reports = [self._reporters[asset_class].report(change, machines.watch) for change in changes]
        emits = (Emit(Stage.DRIFT, pl.DataFrame(reports, schema=self._schemas[asset_class])),) if reports else ()
        state = self._saved({change.window.asset for change in changes}, now)
        return Told(emits, state=state, measured=tuple(self._measured(asset_class, machines, fresh, now)))

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Write the state of machines that fell silent before theirs was due."""
        return Result(state=self._saved(set(), now))

    def needed_from(self) -> int | None:
        """Return the offset of the first window that no written state holds."""
        return min((unsaved.offset for unsaved in self._unsaved.values()), default=None)

    def _of(self, asset_class: str) -> Machines:
        """Return the machines of a class; begun afresh, but for what was said of them, when its model has changed."""
        watch, known = self._watches.of(asset_class), self._machines.get(asset_class)
        if known is not None and known.watch is watch:
            return known
        made = Machines(watch, self._plant.classes[asset_class], self._settings, self._opinions)
        before = {asset: known.snapshot(asset) for asset in known.standings} if known else {}
        own = [asset for asset in self._kept if self._plant.class_of(asset) == asset_class]
        for asset, kept in {**{asset: self._kept.pop(asset) for asset in own}, **before}.items():
            with contextlib.suppress(ValueError):  # written by another version of this program: it begins afresh
                made.restore(asset, kept)
        self._machines[asset_class] = made
        return made

    def _fresh(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return live windows that no written state holds. History is over: nobody can act on its drift."""
        live = rows.filter(pl.col("origin").ne_missing(Origin.BACKFILL.value) & (pl.col("revision").fill_null(0) == 0))
        if not self._position:
            return live
        reached = pl.col("asset").replace_strict(self._position, default=-1, return_dtype=pl.Int64)
        return live.filter(pl.col(OFFSET) > reached)

    def _pause(self, asset: str) -> int:
        """Return how long to wait before a machine's state is written; not as long for all, so that writes spread."""
        share = (crc32(asset.encode()) % _PHASES) / _PHASES
        return round(self._settings.snapshot_every * (1 + share) / 2)

    def _saved(self, changed: set[str], now: int) -> dict[str, Kept]:
        """Return the states to write: of machines that were reported, and of those whose are due."""
        due = changed | {asset for asset, unsaved in self._unsaved.items() if unsaved.due <= now}
        return {asset: self._state(asset) for asset in due if self._unsaved.pop(asset, None)}

    def _state(self, asset: str) -> Kept:
        machines = self._machines[str(self._plant.class_of(asset))]
        return {"offset": self._position[asset], **machines.snapshot(asset)}

    def _measured(self, asset_class: str, machines: Machines, fresh: pl.DataFrame, now: int) -> Iterator[Count | Level]:
        if isinstance(machines.watch, Watch):
            step = self._plant.classes[asset_class].feature_definition.step
            seconds = fresh.height * step // SECOND
            yield Count("andon_drift_watched_seconds_total", {"asset_class": asset_class}, seconds)
        if now >= self._levels_due.get(asset_class, 0):
            self._levels_due[asset_class] = now + _LEVELS_EVERY
            yield from levels(machines)


def _measured(_: str, result: Result) -> Iterator[Count | Level]:
    if isinstance(result, Told):
        yield from result.measured
    for emit in result.emits:
        for asset_class, state, cause, amount in emit.rows.group_by("asset_class", "state", "cause").len().iter_rows():
            labels = {"asset_class": asset_class, "state": state, "cause": cause}
            yield Count("andon_drift_reports_total", labels, amount)
