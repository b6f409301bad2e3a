"""The catalogue of topics: the one place that says what each stage carries, for whom and for how long."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from andon.contracts.alerting import Alert, Feedback
from andon.contracts.deadletter import DeadLetter
from andon.contracts.frames import ContextFrame, Frame
from andon.contracts.kpi import Oee
from andon.contracts.lifecycle import DriftReport, ModelEvent, PlantEvent
from andon.contracts.scoring import FeatureVector, Inference
from andon.uns import Stage

_HOUR = 3_600
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One stage's topic.

    Attributes:
        event: the contract of its values.
        key: what its records are keyed by.
        producers: services that write to it.
        consumers: services that read it; other plant systems may, too.
        retention_s: seconds that records are kept; None keeps them for ever.
        max_message_bytes: largest record that the topic takes.
        description: one line for the documentation.
    """

    stage: Stage
    event: type[BaseModel]
    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    retention_s: int | None
    description: str
    max_message_bytes: int = 1_048_588


_ASSET = "asset path below the site"

CATALOGUE: dict[Stage, TopicSpec] = {
    spec.stage: spec
    for spec in (
        TopicSpec(
            Stage.RAW,
            Frame,
            _ASSET,
            ("ingest",),
            ("context", "historian"),
            3 * _DAY,
            "All signals of one asset at one instant, as measured.",
        ),
        TopicSpec(
            Stage.BACKFILL,
            Frame,
            _ASSET,
            ("ingest",),
            ("context", "historian"),
            3 * _DAY,
            "The same for history, so that it never delays live data.",
        ),
        TopicSpec(
            Stage.EVENT,
            PlantEvent,
            "asset path, or the site's name",
            ("ingest", "mes", "context"),
            ("ingest", "context", "historian"),
            30 * _DAY,
            "Orders, batches, shifts, maintenance, machine states, silent sources.",
        ),
        TopicSpec(
            Stage.CONTEXT,
            ContextFrame,
            _ASSET,
            ("context",),
            ("feature", "historian"),
            3 * _DAY,
            "Frames in the plant model's units, with class, limits and quality marks.",
        ),
        TopicSpec(
            Stage.FEATURE,
            FeatureVector,
            _ASSET,
            ("feature",),
            ("inference", "drift", "historian"),
            7 * _DAY,
            "Windows of an asset as feature vectors.",
        ),
        TopicSpec(
            Stage.INFERENCE,
            Inference,
            _ASSET,
            ("inference",),
            ("alert", "historian"),
            7 * _DAY,
            "A model's verdict on each feature vector, with reasons.",
        ),
        TopicSpec(
            Stage.ALERT,
            Alert,
            _ASSET,
            ("alert",),
            ("notify", "historian"),
            90 * _DAY,
            "What needs a person, and what to do.",
        ),
        TopicSpec(
            Stage.FEEDBACK,
            Feedback,
            _ASSET,
            ("alert",),
            ("alert", "trainer", "drift", "historian"),
            None,
            "What people say about alerts: verdicts, acknowledgements, shelving.",
        ),
        TopicSpec(
            Stage.DRIFT,
            DriftReport,
            _ASSET,
            ("drift",),
            ("trainer", "historian"),
            90 * _DAY,
            "Data, or a model's grip on it, has changed.",
        ),
        TopicSpec(
            Stage.KPI,
            Oee,
            _ASSET,
            ("oee",),
            ("historian",),
            90 * _DAY,
            "Key performance indicators (ISO 22400): OEE of an asset by shift and product.",
        ),
        TopicSpec(
            Stage.MODEL,
            ModelEvent,
            "name of the model",
            ("registry", "inference"),
            (),
            None,
            "Models published, loaded, refused, promoted.",
        ),
        TopicSpec(
            Stage.DEADLETTER,
            DeadLetter,
            "key of the original record",
            ("ingest", "mes", "context", "feature", "inference", "alert", "notify", "historian"),
            (),
            14 * _DAY,
            "Records that could not be processed, whole, with the reason.",
        ),
    )
}
