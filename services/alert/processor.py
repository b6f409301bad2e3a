"""Inferences and what people say in, changes of alerts out: the alert stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from pydantic import ValidationError

from andon.contracts import Alert, DeadLetterReason, Decision, Feedback, Inference, Origin
from andon.contracts.base import faults
from andon.plant import Plant
from andon.plant.columns import event_schema
from andon.stream import Count, Emit, Processor, Rejected, Result, StageSpec
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, OFFSET, TRACEPARENT
from andon.stream.stage import State as Kept
from andon.uns import Stage
from services.alert.class_alerts import ClassAlerts, commanded
from services.alert.commands import obey
from services.alert.inbox import Inbox
from services.alert.lane import HISTORY
from services.alert.settings import AlertSettings
from services.alert.state import Open, Quiet, State, dump_state, load_state

#: Fields that a sender may leave out; a frame shows them as null then.
_DEFAULTED = frozenset(name for name, field in Inference.model_fields.items() if not field.is_required())
#: Column that names whose alert it is: the asset, or the asset in history.
_LANE = "lane"
_LINEAGE = {FIRST_OFFSET: pl.Int64(), LAST_OFFSET: pl.Int64(), TRACEPARENT: pl.String()}
_QUIET = Quiet()

#: An alert to send: the event and its lineage.
_Row = dict[str, Any]
#: One inference's effect: an alert to send, a rejection, or nothing.
_Outcome = _Row | Rejected | None


def alert_stage(plant: Plant, settings: AlertSettings, inbox: Inbox | None = None) -> StageSpec:
    """Return the alert stage of *plant*: one event per change of an alert, none for windows that change nothing.

    Args:
        plant: the plant model.
        settings: what holds for all classes.
        inbox: what people say about alerts; nobody says anything when not given.
    """
    classes = {name: ClassAlerts.of(plant, name, settings.alert) for name in plant.classes}
    columns = {name: event_schema(Alert, asset_class) | _LINEAGE for name, asset_class in plant.classes.items()}
    said = inbox or Inbox()

    def open_partition(kept: Mapping[str, Kept], delivered: int) -> Processor:
        states = {asset: load_state(state) for asset, state in kept.items() if state is not None}
        return AlertProcessor(classes, columns, said, settings.alert.shelf_limit, states, delivered)

    return StageSpec("alert", Stage.INFERENCE, (Stage.ALERT,), open_partition, stateful=True, measure=_changes)


class AlertProcessor:
    """The alert stage of one partition.

    Args:
        classes: how each asset class alerts.
        columns: schema of the alerts of each class.
        inbox: what people say about alerts, those of other partitions too.
        shelf_limit: longest time that an asset can be shelved for, microseconds.
        states: state per lane, which is an asset, or an asset in history; what was never anomalous has none.
        delivered: input offset below which all results have been delivered.
    """

    def __init__(
        self,
        classes: Mapping[str, ClassAlerts],
        columns: Mapping[str, Mapping[str, pl.DataType]],
        inbox: Inbox,
        shelf_limit: int,
        states: Mapping[str, State],
        delivered: int,
    ) -> None:
        self._classes = classes
        self._columns = columns
        self._inbox = inbox
        self._shelf_limit = shelf_limit
        self._states = dict(states)
        self._delivered = delivered

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Take one poll's inferences of one class; alerts depend on event time only, so *now* is not used."""
        # copies, so that nothing is remembered of a batch that fails half-way
        alerts, states = self._obeyed()
        relevant = self._relevant(rows)
        states = {lane: self._states.get(lane, _QUIET) for lane in relevant[_LANE].unique()} | states
        # per-event Python: each step depends on the one before it. Only assets that are alerting, or may soon be,
        # come this far; the quiet rest, which is nearly all, has been filtered out at once.
        outcomes = [self._step(asset_class, row, states) for row in relevant.iter_rows(named=True)]
        alerts += [outcome for outcome in outcomes if isinstance(outcome, dict)]
        return self._result(alerts, states, [outcome for outcome in outcomes if isinstance(outcome, Rejected)])

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Do what people have said; that a machine is silent is for the context stage to tell (source_silent)."""
        return self._result(*self._obeyed())

    def needed_from(self) -> int | None:
        """Return None: all state is kept, so nothing needs to be read again."""
        return None

    def _obeyed(self) -> tuple[list[_Row], dict[str, State]]:
        """Return what is to be told after what people have said, and the states of the lanes that it was about."""
        alerts: list[_Row] = []
        states: dict[str, State] = {}
        for lane, state in self._states.items():
            commands = self._inbox.about(lane) if isinstance(state, Open) else ()
            for command in commands:
                state, told = self._obey(state, command)
                states[lane] = state
                alerts += told
        return alerts, states

    def _obey(self, state: State, command: Feedback) -> tuple[State, list[_Row]]:
        if not isinstance(state, Open) or command.alert != state.said.get("alert"):
            return state, []
        obeyed, change = obey(state, command, self._shelf_limit)
        if change is None:
            return obeyed, []
        alert = commanded(change, Alert.model_validate(state.said), command)
        told = state.said | alert.model_dump(mode="json")
        return obeyed.model_copy(update={"said": told}), [told]

    def _relevant(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows, of models that may alert, of lanes that are not quiet or have an anomaly among them."""
        watched = [lane for lane, state in self._states.items() if not isinstance(state, Quiet)]
        broken = pl.col("limit_violations").list.len().fill_null(0) > 0
        spoken = rows.filter(pl.col("role").ne_missing("shadow")).with_columns(_lane().alias(_LANE))
        anomalous = spoken.filter((pl.col("decision") == Decision.ANOMALY.value) | broken)
        return spoken.filter(pl.col(_LANE).is_in([*watched, *anomalous[_LANE].unique()]))

    def _step(self, asset_class: str, row: dict[str, Any], states: dict[str, State]) -> _Outcome:
        """Advance the state of one row's lane in *states*; below `delivered` nothing else comes of it."""
        delivered = row[OFFSET] < self._delivered
        try:
            inference = _inference(row)
        except ValidationError as error:
            return None if delivered else Rejected(row[OFFSET], DeadLetterReason.SCHEMA, f"inference: {faults(error)}")
        alerts, lane = self._classes[asset_class], row[_LANE]
        state, change = alerts.lifecycle.advance(states[lane], alerts.window(inference, row[OFFSET]))
        states[lane] = state
        if change is None:
            return None
        lineage = {FIRST_OFFSET: change.first_offset, LAST_OFFSET: row[OFFSET], TRACEPARENT: row[TRACEPARENT]}
        told = alerts.alert(change, inference).model_dump(mode="json") | lineage
        if isinstance(state, Open):
            states[lane] = state.model_copy(update={"said": told})
        return None if delivered else told

    def _result(self, alerts: Sequence[_Row], states: Mapping[str, State], rejected: Sequence[Rejected] = ()) -> Result:
        changed = {lane: state for lane, state in states.items() if state != self._states.get(lane, _QUIET)}
        self._states.update(changed)
        kept = {lane: dump_state(state) for lane, state in changed.items()}
        return Result(tuple(self._emits(alerts)), tuple(rejected), kept)

    def _emits(self, alerts: Sequence[_Row]) -> Iterator[Emit]:
        for name in dict.fromkeys(alert["asset_class"] for alert in alerts):
            own = [alert for alert in alerts if alert["asset_class"] == name]
            yield Emit(Stage.ALERT, pl.DataFrame(own, schema=self._columns[name]))


def _lane() -> pl.Expr:
    history = pl.col("origin").eq_missing(Origin.BACKFILL.value)
    return pl.when(history).then(pl.col("asset") + HISTORY).otherwise(pl.col("asset"))


def _changes(_: str, result: Result) -> Iterator[Count]:
    for emit in result.emits:
        for asset_class, state, amount in emit.rows.group_by("asset_class", "state").len().iter_rows():
            yield Count("andon_alerts_total", {"asset_class": asset_class, "state": state}, amount)


def _inference(row: dict[str, Any]) -> Inference:
    given = {name: value for name, value in row.items() if value is not None or name not in _DEFAULTED}
    return Inference.model_validate(given)
