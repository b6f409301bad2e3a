"""Events about models and about the plant itself."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from andon.contracts.base import AssetPath, Event, Micros, Model
from andon.contracts.scoring import ModelRef


class DriftEvidence(Model):
    """What one detector saw of one subject, in terms a person can check."""

    detector: str = Field(description="Name of the detector; see docs/drift.md.")
    subject: str = Field(description="Feature that it watches; or score, joint (all features together) or precision.")
    tag: str | None = Field(default=None, description="The main tag that the feature is made of.")
    statistic: FiniteFloat = Field(description="The detector's statistic.")
    threshold: FiniteFloat = Field(description="Drift is found above this, by the false-alarm contract.")
    e_value: float | None = Field(
        default=None, ge=0, description="Evidence against 'nothing has changed'; 20 is what p = 0.05 is at best."
    )
    shift: FiniteFloat | None = Field(
        default=None, description="How far the mean has moved, in standard deviations of the reference."
    )
    since: Micros = Field(description="Event time since when it is so, as far as can be told.")
    words: str = Field(default="", description="The same in plain words: 'vibration 0.8 mm/s above normal'.")


class DriftReport(Event):
    """Stage `drift`: the data, or the model's grip on it, has changed, or is as it was again.

    One event per change of an asset's state; `time` is the end of the window with which it changed.
    """

    asset_class: str = Field(description="The asset's class in the plant model.")
    definition: str = Field(description="Content hash of the feature definition.")
    model: ModelRef | None = Field(description="The model whose reference period is compared with; null without one.")
    state: Literal["stable", "warning", "drift", "abstain"]
    reason: str | None = Field(
        default=None, description="Why nothing can be said: '<code>: <text>', see docs/drift.md."
    )
    cause: Literal["none", "unknown", "sensor_fault", "new_regime", "process_drift", "model_decay"] = "none"
    since: Micros = Field(description="Event time since when it is so, as far as can be told.")
    sensors: list[str] = Field(default_factory=list, description="Tags concerned, the one to look at first in front.")
    evidence: list[DriftEvidence] = Field(default_factory=list, description="What was seen, the strongest first.")
    regime: str | None = Field(default=None, description="Regime of operation in which it was seen.")
    promised: float | None = Field(
        default=None, ge=0, description="False alarms of this machine in 30 days that the thresholds allow for."
    )
    retrain: Literal["no", "wanted", "refused"] = Field(
        default="no", description="Whether a model is to be trained on what is normal now; refused when data is faulty."
    )
    message: str = Field(default="", description="What has happened, in a sentence.")
    action: str = Field(default="", description="Suggested next step, in plain words.")


class Retraining(Model):
    """What a request for a new model asks for, and what came of it; see docs/retraining.md."""

    request: str = Field(min_length=1, description="Id of the event that asked for it.")
    origin: Literal["drift", "schedule", "person"] = Field(description="Who asked.")
    evidence: str = Field(default="", description="Id of the drift report that it rests on.")
    assets: list[AssetPath] = Field(default_factory=list, description="Machines that ask for it; empty for all.")
    since: Micros = Field(description="Event time from which on data is taken.")
    until: Micros = Field(default=0, description="Event time that data must have reached before it is learned from.")
    seconds: float | None = Field(
        default=None, ge=0, description="Time that a training takes: expected, or as it took; null when unknown."
    )
    windows: int | None = Field(default=None, ge=0, description="Windows of normal operation that there were.")
    cool_down_end: Micros | None = Field(
        default=None, description="Before this, drift and schedule get no other model of the class."
    )
    code: (
        Literal[
            "disabled",
            "unknown_class",
            "already_running",
            "cooling_down",
            "faulty_data",
            "too_little_data",
            "outdated",
            "no_go",
            "not_trainable",
            "not_published",
            "crashed",
            "took_too_long",
        ]
        | None
    ) = Field(
        default=None, description="Why there is no new model: the first seven of a refusal, the others of a failure."
    )


class ModelEvent(Model):
    """Stage `model`: something happened to a model. Its key is the model's name."""

    id: str = Field(min_length=1, description="'<name>@<time>:<action>:<version>'.")
    time: Micros
    name: str = Field(description="The model's name.")
    version: str = Field(description="The bundle's version; empty for a model that is only asked for.")
    digest: str = Field(description="SHA-256 of model.onnx, hexadecimal; empty likewise.")
    action: Literal[
        "published",
        "requested",
        "promoted",
        "rejected",
        "rolled_back",
        "assigned",
        "withdrawn",
        "loaded",
        "refused",
        "retired",
        "retrain_requested",
        "retrain_refused",
        "retrain_failed",
        "retrained",
    ]
    alias: Literal["", "candidate", "shadow", "canary", "production", "previous"] = Field(
        default="", description="As what it acts, or shall act."
    )
    actor: str = Field(description="Who or what did it.")
    reason: str = Field(default="", description="Why, for an auditor.")
    retrain: Retraining | None = Field(default=None, description="Of actions retrain_* and retrained.")


class PlantEvent(Model):
    """Stage `event`: something about the plant that is not a measurement. Its key is the asset, or the site."""

    id: str = Field(min_length=1)
    time: Micros = Field(description="Valid from: when it was so on the floor.")
    end: Micros | None = Field(default=None, description="Valid until (exclusive); null while it lasts.")
    asset: AssetPath | None = Field(default=None, description="Null for the whole site.")
    kind: Literal[
        "order",
        "batch",
        "shift",
        "maintenance",
        "machine_state",
        "product",
        "recipe",
        "source_silent",
        "source_back",
        "spool_full",
        "spool_drained",
    ]
    name: str = Field(description="Number or name of the order, batch, shift, state ...")
    attributes: dict[str, str] = Field(
        default_factory=dict,
        description="Anything else that the sender knows. `product` and `recipe` of orders and batches, `item_time` "
        "(planned run time per item, such as 2s) and `unit` of products are understood.",
    )
    revision: int = Field(
        default=0,
        ge=0,
        description="Raised when the same id is told again with corrected content; highest wins, and of equal ones "
        "the last. What never was so is corrected to end when it begins.",
    )

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.end is not None and self.end < self.time:
            raise ValueError(f"end ({self.end}) lies before time ({self.time})")
        return self
