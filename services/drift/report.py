"""A change of a machine's state as the event that is sent. Pure."""

from __future__ import annotations

from typing import Any, Literal

from andon.contracts import DriftEvidence, DriftReport
from andon.contracts.ids import event_id
from andon.plant import AssetClass
from andon.stream.stage import FIRST_OFFSET, LAST_OFFSET, TRACEPARENT
from andon.uns import Stage
from services.drift.cause import Scene, ranked
from services.drift.finding import Finding
from services.drift.machines import Change
from services.drift.standing import Standing
from services.drift.watch import Abstaining, Watch
from services.drift.words import Wording

#: Stands for the model's version in ids of reports that no model had a part in.
NO_VERSION = "none"
_OF_PROCESS = ("process_drift", "model_decay")


class Reporter:
    """Writes the reports of one asset class.

    Args:
        name: the class's name in the plant model.
        asset_class: its definition.
        settle: windows for which a change is a warning.
    """

    def __init__(self, name: str, asset_class: AssetClass, settle: int) -> None:
        self._name, self._class = name, asset_class
        self._wording = Wording(asset_class, settle)
        self._tags = {feature.name: feature.tag for feature in asset_class.feature_definition.features}

    def report(self, change: Change, watch: Watch | Abstaining) -> dict[str, Any]:
        """Return the columns of `andon.contracts.DriftReport` and of its lineage.

        The id is made of machine, window and model, so whoever comes to the same change gives it the same id.
        """
        window, standing, diagnosis = change.window, change.standing, change.diagnosis
        has_cause = standing.cause not in ("none", "unknown")
        report = DriftReport(
            id=event_id(window.asset, window.time, Stage.DRIFT, standing.version or NO_VERSION),
            asset=window.asset,
            time=window.time,
            ingest_time=window.ingest_time,
            asset_class=self._name,
            definition=window.definition,
            model=watch.model,
            state=standing.state or "stable",
            reason=standing.reason or None,
            cause=standing.cause,
            since=standing.since,
            sensors=list(diagnosis.tags if has_cause or standing.state == "drift" else ()),
            evidence=[self._evidence(finding, change.scene) for finding in ranked(standing.active)],
            regime=window.regime or None,
            promised=self._class.drift.false_alarms_per_30_days,
            retrain=self._retrain(standing),
            message=self._wording.message(change, watch.period if isinstance(watch, Watch) else ""),
            action=self._wording.action(change),
        )
        lineage = {FIRST_OFFSET: window.offset, LAST_OFFSET: window.offset, TRACEPARENT: window.traceparent}
        return report.model_dump(mode="json") | lineage

    def _evidence(self, finding: Finding, scene: Scene | None) -> DriftEvidence:
        return DriftEvidence(
            detector=finding.detector,
            subject=finding.subject,
            tag=self._tags.get(finding.subject),
            statistic=finding.statistic,
            threshold=finding.threshold,
            e_value=finding.e_value,
            shift=finding.shift,
            since=finding.since,
            words=self._wording.evidence(finding, scene),
        )

    def _retrain(self, standing: Standing) -> Literal["no", "wanted", "refused"]:
        """Return whether a model is to be trained on what is normal now.

        Not on the data of a faulty sensor, which would teach the fault. And not of a regime never seen until a person
        says that what is seen of it is normal: it may be the first hours of a bad set-up.
        """
        if standing.cause == "sensor_fault":
            return "refused"
        wanted = self._class.drift.retrain and standing.state == "drift" and standing.cause in _OF_PROCESS
        return "wanted" if wanted else "no"
