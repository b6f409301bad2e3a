"""How assets of one class alert: the plant model's rules, words and owners, put together."""

from __future__ import annotations

from dataclasses import dataclass

from andon.contracts import Alert, Inference, Origin, event_id
from andon.plant import Plant
from andon.uns import Stage
from services.alert.lifecycle import Change, Lifecycle, Window
from services.alert.message import Wording
from services.alert.reason import broken_limits
from services.alert.settings import AlertRules

#: Behind an asset's path, the name of its life in history; behind an alert's name, the sign that it is of history.
HISTORY = "@backfill"


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
        )

    def alert(self, change: Change, inference: Inference) -> Alert:
        """Return the event that tells of *change*; a window changes an alert once at most, so its id is unique.

        What history shows has names of its own: it neither opens nor ends what people are looking at.
        """
        history = HISTORY if inference.origin is Origin.BACKFILL else ""
        return Alert(
            id=event_id(inference.asset, inference.time, Stage.ALERT, f"{change.opened}-{change.state}{history}"),
            asset=inference.asset,
            time=inference.time,
            ingest_time=inference.ingest_time,
            origin=inference.origin,
            alert=f"{inference.asset}@{change.opened}:{Stage.ALERT}{history}",
            asset_class=inference.asset_class,
            state=change.state,
            severity=change.severity,
            opened=change.opened,
            since=change.since,
            message=self.wording.message(change.kind, inference),
            use_case=self.use_case,
            owner=self.owner,
            score=inference.score,
            threshold=inference.threshold,
            contributions=inference.contributions,
            limit_violations=inference.limit_violations,
            inference=inference.id,
            context=inference.context,
        )
