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
from services.alert.ledger import Draft, Ledger, Row
from services.alert.settings import AlertSettings
from services.alert.state import Open

#: Fields that a sender may leave out; a frame shows them as null then.
_DEFAULTED = frozenset(name for name, field in Inference.model_fields.items() if not field.is_required())
#: Column that names whose alert it is: the asset, or the asset in history.
_LANE = "lane"
_LINEAGE = {FIRST_OFFSET: pl.Int64(), LAST_OFFSET: pl.Int64(), TRACEPARENT: pl.String()}

#: One inference's effect: an alert to send, a rejection, or nothing.
_Outcome = Row | Rejected | None


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
        return AlertProcessor(classes, columns, said, settings.alert.shelf_limit, Ledger(kept), delivered)

    return StageSpec("alert", Stage.INFERENCE, (Stage.ALERT,), open_partition, stateful=True, measure=_changes)


class AlertProcessor:
    """The alert stage of one partition.

    Args:
        classes: how each asset class alerts.
        columns: schema of the alerts of each class.
        inbox: what people say about alerts, those of other partitions too.
        shelf_limit: longest time that an asset can be shelved for, microseconds.
        ledger: what a former worker kept.
        delivered: input offset below which all results have been delivered.
    """

    def __init__(
        self,
        classes: Mapping[str, ClassAlerts],
        columns: Mapping[str, Mapping[str, pl.DataType]],
        inbox: Inbox,
        shelf_limit: int,
        ledger: Ledger,
        delivered: int,
    ) -> None:
        self._classes = classes
        self._columns = columns
        self._inbox = inbox
        self._shelf_limit = shelf_limit
        self._ledger = ledger
        self._delivered = delivered

    def process(self, asset_class: str, rows: pl.DataFrame, now: int) -> Result:
        """Take one poll's inferences of one class; alerts depend on event time only, so *now* is not used."""
        draft = Draft(self._ledger)
        alerts = list(self._obeyed(draft))
        # per-event Python: each step depends on the one before it. Only assets that are alerting, or may soon be,
        # come this far; the quiet rest, which is nearly all, has been filtered out at once.
        outcomes = [self._step(asset_class, row, draft) for row in self._relevant(rows).iter_rows(named=True)]
        alerts += [outcome for outcome in outcomes if isinstance(outcome, dict)]
        rejected = tuple(outcome for outcome in outcomes if isinstance(outcome, Rejected))
        return Result(tuple(self._emits(alerts)), rejected, self._ledger.commit(draft))

    def tick(self, now: int, caught_up_since: int) -> Result:
        """Do what people have said; that a machine is silent is for the context stage to tell (source_silent)."""
        draft = Draft(self._ledger)
        alerts = list(self._obeyed(draft))
        return Result(tuple(self._emits(alerts)), state=self._ledger.commit(draft))

    def needed_from(self) -> int | None:
        """Return None: all state is kept, so nothing needs to be read again."""
        return None

    def _obeyed(self, draft: Draft) -> Iterator[Row]:
        """Do what people have said about open alerts, and yield what is to be told of it."""
        for lane, _ in self._ledger.open():
            for command in self._inbox.about(lane):
                told = self._obey(lane, command, draft)
                if told:
                    yield told

    def _obey(self, lane: str, command: Feedback, draft: Draft) -> Row | None:
        state, said = draft.state(lane), draft.last_said(lane)
        if not isinstance(state, Open) or said is None or command.alert != said["alert"]:
            return None
        obeyed, change = obey(state, command, self._shelf_limit)
        if change is None:
            draft.become(lane, obeyed)
            return None
        told = said | commanded(change, Alert.model_validate(said), command).model_dump(mode="json")
        draft.become(lane, obeyed, told)
        return told

    def _relevant(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows, of models that may alert, of lanes that are not quiet or have an anomaly among them."""
        broken = pl.col("limit_violations").list.len().fill_null(0) > 0
        spoken = rows.filter(pl.col("role").ne_missing("shadow")).with_columns(_lane().alias(_LANE))
        anomalous = spoken.filter((pl.col("decision") == Decision.ANOMALY.value) | broken)
        return spoken.filter(pl.col(_LANE).is_in([*self._ledger.not_quiet(), *anomalous[_LANE].unique()]))

    def _step(self, asset_class: str, row: dict[str, Any], draft: Draft) -> _Outcome:
        """Advance the state of one row's lane; below `delivered` nothing else comes of it."""
        delivered = row[OFFSET] < self._delivered
        try:
            inference = _inference(row)
        except ValidationError as error:
            return None if delivered else Rejected(row[OFFSET], DeadLetterReason.SCHEMA, f"inference: {faults(error)}")
        alerts, lane = self._classes[asset_class], row[_LANE]
        state, change = alerts.lifecycle.advance(draft.state(lane), alerts.window(inference, row[OFFSET]))
        if change is None:
            draft.become(lane, state)
            return None
        lineage = {FIRST_OFFSET: change.first_offset, LAST_OFFSET: row[OFFSET], TRACEPARENT: row[TRACEPARENT]}
        told = alerts.alert(change, inference).model_dump(mode="json") | lineage
        draft.become(lane, state, told)
        return None if delivered else told

    def _emits(self, alerts: Sequence[Row]) -> Iterator[Emit]:
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
