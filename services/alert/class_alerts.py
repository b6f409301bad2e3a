"""How assets of one class alert: the plant model's rules, words and owners, put together."""

from __future__ import annotations

from dataclasses import dataclass

from andon.contracts import Alert, AlertState, Feedback, Inference, Origin, event_id
from andon.plant import Plant
from andon.uns import Stage
from services.alert.lane import HISTORY, alert_name
from services.alert.lifecycle import Lifecycle
from services.alert.message import Wording
from services.alert.reason import broken_limits, circumstances, suspect
from services.alert.settings import AlertRules
from services.alert.window import Change, Window


@dataclass(frozen=True, slots=True)
class ClassAlerts:
    """Rules and words for the alerts of one class.

    Attributes:
        lifecycle: when an alert opens and ends.
        wording: what it says.
        use_case: the use case that owns it, the first of the class in the plant model.
        owner: who is to act.
    """

    lifecycle: Lifecycle
    wording: Wording
    use_case: str | None
    owner: str | None

    @classmethod
    def of(cls, plant: Plant, name: str, rules: AlertRules) -> ClassAlerts:
        """Return those of the class called *name*."""
        asset_class = plant.classes[name]
        case = next((case for case in plant.use_cases if case.asset_class == name), None)
        return cls(
            lifecycle=Lifecycle.of(asset_class, rules.blind_after),
            wording=Wording(asset_class),
            use_case=case.name if case else None,
            owner=case.owner if case else None,
        )

    def window(self, inference: Inference, offset: int) -> Window:
        """Return what the life of an alert depends on."""
        return Window(
            time=inference.time,
            offset=offset,
            decision=inference.decision,
            score=inference.score,
            threshold=inference.threshold,
            severity=self.wording.severity(inference),
            broken=broken_limits(inference),
            suspect=suspect(inference),
            circumstances=circumstances(inference.context),
        )

    def alert(self, change: Change, inference: Inference) -> Alert:
        """Return the event that tells of *change*; a window changes an alert once at most, so its id is unique."""
        alert = change.alert
        return Alert(
            id=_change_id(change, inference.asset, inference.time, inference.origin),
            asset=inference.asset,
            time=inference.time,
            ingest_time=inference.ingest_time,
            origin=inference.origin,
            alert=alert_name(inference.asset, alert.opened, inference.origin),
            asset_class=inference.asset_class,
            state=change.state,
            severity=alert.severity,
            opened=alert.opened,
            since=alert.since,
            message=self.wording.message(change, inference),
            causes=list(alert.causes),
            flapping=alert.flapping,
            suppressed_by=alert.suppressed_by if change.state is AlertState.SUPPRESSED else None,
            acknowledged=alert.acknowledged if change.state is AlertState.ACKNOWLEDGED else None,
            use_case=self.use_case,
            owner=self.owner,
            score=inference.score,
            threshold=inference.threshold,
            contributions=inference.contributions,
            limit_violations=inference.limit_violations,
            inference=inference.id,
            model=inference.model,
            context=inference.context,
        )


def commanded(change: Change, said: Alert, command: Feedback) -> Alert:
    """Return the event that tells of a *change* by *command*: the one told last, but for how the alert stands now."""
    alert = change.alert
    told = {
        "id": _change_id(change, said.asset, command.time, said.origin),
        "time": command.time,
        "ingest_time": command.ingest_time,
        "state": change.state,
        "severity": alert.severity,
        "causes": list(alert.causes),
        "suppressed_by": alert.suppressed_by,
        "acknowledged": alert.acknowledged,
    }
    return said.model_copy(update=told)


def _change_id(change: Change, asset: str, time: int, origin: Origin) -> str:
    history = HISTORY if origin is Origin.BACKFILL else ""
    return event_id(asset, time, Stage.ALERT, f"{change.alert.opened}-{change.state}{history}")
