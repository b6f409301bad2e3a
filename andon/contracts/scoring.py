"""From windows to verdicts: feature vectors and inferences."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, FiniteFloat

from andon.contracts.base import Event, Micros, Model
from andon.contracts.frames import Context


class FeatureVector(Event):
    """Stage `feature`: one window of one asset, as numbers. `time` is the window's end (exclusive)."""

    asset_class: str = Field(description="The asset's class in the plant model.")
    definition: str = Field(description="Content hash of the feature definition; a model accepts one only.")
    start: Micros = Field(description="The window's start (inclusive), event time.")
    samples: int = Field(ge=0, description="Frames in the window.")
    expected: int = Field(ge=0, description="Frames that the plant model's scan rate promises for it.")
    good_ratio: float = Field(
        ge=0,
        le=1,
        description="Share of good samples over all numeric tags: good / (max(samples, expected) x tags).",
    )
    features: dict[str, float | None] = Field(
        description="Name to value: '<tag>_<aggregate>', and what else the feature definition asks for; null where too "
        "few good samples were there to compute it."
    )
    context: Context | None = Field(default=None, description="Of the window's last frame.")


class Decision(StrEnum):
    """What inference says of a window."""

    NORMAL = "normal"
    ANOMALY = "anomaly"
    ABSTAIN = "abstain"


class ModelRef(Model):
    """Which model spoke."""

    name: str = Field(description="Name of the model, one per asset class and purpose.")
    version: str = Field(description="Version of the bundle.")
    digest: str = Field(description="SHA-256 of model.onnx, hexadecimal.")
    verified: Literal["none", "author", "approver"] = Field(
        default="none",
        description="Whose signatures held before it was loaded: 'approver' (its author's and an approver's), 'author' "
        "(a shadow, which never acts) or 'none' (unsigned, for development).",
    )


class Contribution(Model):
    """One feature's share of a score, in terms a person can check."""

    feature: str = Field(description="Its name in the feature vector.")
    tag: str = Field(description="The main tag that the feature is made of; of one made of context, that field.")
    share: FiniteFloat = Field(description="Part of the score that this feature accounts for; all shares sum to 1.")
    value: FiniteFloat = Field(description="The feature's value in this window.")
    normal: FiniteFloat = Field(description="Its mean in the reference period.")
    deviation: FiniteFloat = Field(description="(value - normal) / standard deviation in the reference period.")
    difference: FiniteFloat | None = Field(default=None, description="value - normal, in `unit`.")
    unit: str | None = Field(
        default=None, description="Unit of value, normal and difference; null where the plant model gives none."
    )
    words: str | None = Field(
        default=None,
        description="The same in plain words, for the first three: 'vibration mean 3.1 mm/s above normal'.",
    )


class LimitViolation(Model):
    """A tag outside an alarm limit of the plant model; checked with and without a model."""

    tag: str
    bound: Literal["low_low", "low", "high", "high_high"]
    limit: FiniteFloat = Field(description="The limit, in the tag's unit.")
    value: FiniteFloat = Field(description="The window's value furthest outside it.")


class Inference(Event):
    """Stage `inference`: a model's verdict on one feature vector. `time` is the window's end."""

    asset_class: str = Field(description="The asset's class in the plant model.")
    definition: str = Field(description="Content hash of the feature definition.")
    start: Micros = Field(description="The window's start, event time.")
    model: ModelRef | None = Field(description="Null when no model could be used.")
    role: Literal["production", "shadow", "canary"] = Field(
        default="production",
        description="production and canary act, one of them for each window; a shadow is only compared with them.",
    )
    decision: Decision
    reason: str | None = Field(
        default=None, description="Why the model abstained: '<code>: <text>', see docs/inference.md for the codes."
    )
    score: float | None = Field(description="Above `threshold` means anomaly; null when abstaining.")
    threshold: float | None = Field(description="From the bundle; of the window's regime, if that has its own.")
    contributions: list[Contribution] = Field(
        default_factory=list, description="The features that account for most of the score, largest first."
    )
    limit_violations: list[LimitViolation] = Field(
        default_factory=list,
        description="Tags outside the plant model's limits; also when abstaining. Those of a shadow are empty.",
    )
    context: Context | None = Field(default=None, description="Of the window's last frame.")
