"""What travels on the bus: one pydantic model per stage, the ids, and the catalogue of topics."""

from andon.contracts.alerting import Acknowledgement, Action, Alert, AlertState, Feedback, Verdict
from andon.contracts.base import Event, Origin
from andon.contracts.catalogue import CATALOGUE, TopicSpec
from andon.contracts.deadletter import DeadLetter, DeadLetterReason
from andon.contracts.frames import Context, ContextFrame, Frame, MachineState, Quality, Waveform
from andon.contracts.headers import Headers
from andon.contracts.ids import event_id
from andon.contracts.kpi import Oee
from andon.contracts.lifecycle import DriftEvidence, DriftReport, ModelEvent, PlantEvent, Retraining
from andon.contracts.scoring import Contribution, Decision, FeatureVector, Inference, LimitViolation, ModelRef

__all__ = [
    "CATALOGUE",
    "Acknowledgement",
    "Action",
    "Alert",
    "AlertState",
    "Context",
    "ContextFrame",
    "Contribution",
    "DeadLetter",
    "DeadLetterReason",
    "Decision",
    "DriftEvidence",
    "DriftReport",
    "Event",
    "FeatureVector",
    "Feedback",
    "Frame",
    "Headers",
    "Inference",
    "LimitViolation",
    "MachineState",
    "ModelEvent",
    "ModelRef",
    "Oee",
    "Origin",
    "PlantEvent",
    "Quality",
    "Retraining",
    "TopicSpec",
    "Verdict",
    "Waveform",
    "event_id",
]
