"""What a bundle says about its model: `manifest.json` as validated data."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from andon.contracts.base import AssetPath, Micros
from andon.families import FamilyName
from andon.features import FeatureDefinition
from andon.uns.names import check_key_segment

#: Probabilities at which a reference profile keeps quantiles: deciles for drift measures, and both tails.
QUANTILE_LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Hash12 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
ModelName = Annotated[str, AfterValidator(lambda name: check_key_segment(name, "name"))]
ClassName = Annotated[str, AfterValidator(lambda name: check_key_segment(name, "asset_class"))]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FeatureProfile(_Part):
    """How one feature was distributed in the reference period, in the feature's unit."""

    mean: FiniteFloat | None
    """Centre that the model uses, outliers pulled in; null when the feature never had a value."""
    std: Annotated[FiniteFloat, Field(ge=0)] | None
    """Spread that the model uses, outliers pulled in."""
    quantiles: tuple[FiniteFloat, ...] | None
    """Of the raw values, at the profile's `levels`."""


class ReferenceProfile(_Part):
    """What normal looked like: explanations and drift detection compare with it."""

    windows: int = Field(ge=1)
    """Windows that it was computed of."""
    levels: tuple[FiniteFloat, ...] = QUANTILE_LEVELS
    """Probabilities of the quantiles."""
    features: dict[str, FeatureProfile]
    """By feature name."""


class TrainingFacts(_Part):
    """Where the model comes from: enough to train it again."""

    data: str
    """The data, in words or as a path."""
    plant: Hash12
    """Version of the plant model."""
    assets: tuple[AssetPath, ...] = Field(min_length=1)
    """Machines whose windows were used."""
    first: Micros
    """Start of the first window used."""
    last: Micros
    """End of the last window used."""
    fit_windows: int = Field(ge=1)
    calibration_windows: int = Field(ge=1)
    set_aside_windows: int = Field(ge=0)
    """Windows not used: too few good samples, or in the gap between fit and calibration."""
    excluded_features: dict[str, str]
    """Features that the model does not look at, with the reason."""
    false_alarm_rate: float = Field(gt=0, lt=1)
    """Share of normal windows that the threshold may flag, as asked for."""
    false_alarms_per_week: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """False alarms that a machine may raise in a week, as asked for; the threshold then keeps to these."""


class ModelCard(_Part):
    """What a person must know before trusting the model (Mitchell et al. 2019, Model Cards for Model Reporting)."""

    purpose: str
    """The question that it answers."""
    intended_use: str = ""
    """Who may use it, on what and how, and what it must not be used for; empty in bundles from before this was told."""
    owner: str
    """Who acts on it."""
    data: str
    """What it was trained on."""
    limits: str
    """What it cannot do."""


class Criterion(_Part):
    """One thing that a model must be able to do before it may act."""

    name: str = Field(min_length=1)
    """What was measured, such as `false_alarm_share`."""
    value: FiniteFloat
    """What came out."""
    limit: FiniteFloat
    """What was asked for."""
    at_most: bool
    """Whether the value must not be above the limit, or else not below it."""
    evidence: str
    """On what it was measured, in words."""

    @property
    def met(self) -> bool:
        """Whether the value keeps to the limit."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def bound(self) -> str:
        """What was asked for in words, such as ``at most 1``."""
        return f"{'at most' if self.at_most else 'at least'} {self.limit:g}"


class Verdict(_Part):
    """Go or no go: whether the model may act, by the criteria that were set before it was trained."""

    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @property
    def go(self) -> bool:
        """Whether every criterion is met."""
        return all(criterion.met for criterion in self.criteria)


class ModelFacts(_Part):
    """All that a trainer states about a model; with the graph's bytes it determines the version."""

    format: Literal["andon.bundle/1"] = "andon.bundle/1"
    name: ModelName
    asset_class: ClassName
    family: FamilyName
    feature_definition: FeatureDefinition
    """With its tags filled in."""
    feature_hash: Hash12
    """The definition's hash: vectors of another one are not scored."""
    features: tuple[str, ...] = Field(min_length=1)
    """Feature names in the order of the graph's input columns."""
    threshold: FiniteFloat = Field(gt=0)
    """A score above it is an anomaly."""
    regime_thresholds: dict[str, Annotated[FiniteFloat, Field(gt=0)]] = {}
    """The same for windows of these regimes (see `andon.features.regime`); `threshold` is for all others."""
    min_good_ratio: float = Field(ge=0, le=1)
    """Below this share of good samples the model abstains."""
    reference: ReferenceProfile
    training: TrainingFacts
    metrics: dict[str, FiniteFloat]
    """Figures of the fit and of the calibration."""
    card: ModelCard
    verdict: Verdict | None = None
    """Whether it may act; a model without a verdict never does."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        definition = self.feature_definition
        if self.feature_hash != definition.hash:
            raise ValueError(f"feature_hash is {self.feature_hash}, but feature_definition has {definition.hash}")
        if self.features != definition.feature_names:
            raise ValueError("features are not those of feature_definition, in its order")
        if set(self.reference.features) != set(self.features):
            raise ValueError("reference.features does not cover exactly the features")
        return self

    @property
    def tags(self) -> tuple[str, ...]:
        """The main tag that each feature is made of, in the order of `features`."""
        return tuple(feature.tag for feature in self.feature_definition.features)


class Manifest(ModelFacts):
    """Everything about a bundle."""

    version: Hash12
    """Names the content: the same graph and facts give the same version, whenever trained."""
    created: Micros
    """When it was made; no part of the version."""
    digests: dict[str, Sha256]
    """SHA-256 of each file; the manifest's own is that of its content without this entry."""
