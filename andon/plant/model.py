"""The plant model as validated data."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from andon.contracts.alerting import Severity
from andon.contracts.frames import Bounds
from andon.families import FamilyName
from andon.features import FeatureDefinition
from andon.plant.alarms import Circumstance, Flapping
from andon.plant.plain import Problem
from andon.plant.production import Day, Production, Shift, StateRule, TimeZone
from andon.plant.references import class_problems, plant_problems
from andon.plant.routes import Route
from andon.units import Duration, conversion, registry
from andon.uns import Stage, TopicName, check_asset, check_tag
from andon.uns.names import check_key_segment, check_topic_segment

TagName = Annotated[str, AfterValidator(check_tag)]
AssetName = Annotated[str, AfterValidator(check_asset)]
ClassName = Annotated[str, AfterValidator(lambda name: check_key_segment(name, "class"))]


def _check_unit(unit: str) -> str:
    try:
        registry().parse_units(unit)
    except Exception as error:  # noqa: BLE001 - pint raises errors of many unrelated types for bad text
        reason = str(error) or "it cannot be read"
        raise ValueError(f"{unit!r} is no unit: {reason} (write it as in bar, degC, m**3/h, mm/s or percent)") from None
    return unit


Unit = Annotated[str, AfterValidator(_check_unit)]


def _refuse(model: BaseModel, problems: Iterable[Problem]) -> None:
    """Raise one ValidationError for all *problems*, each at its place below *model*; none if there are none."""
    errors = [
        InitErrorDetails(
            type=PydanticCustomError("reference", "{text}", {"text": problem.text}), loc=problem.place, input=None
        )
        for problem in problems
    ]
    if errors:
        raise ValidationError.from_exception_data(type(model).__name__, errors)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class TagKind(StrEnum):
    """What a tag's values are."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STATE = "state"
    WAVEFORM = "waveform"


#: Kinds of tags that each of these fields is for.
_NUMBERS = (TagKind.NUMBER, TagKind.INTEGER)
_FITTING = {
    "unit": (*_NUMBERS, TagKind.WAVEFORM),
    "source_unit": (*_NUMBERS, TagKind.WAVEFORM),
    "range": _NUMBERS,
    "deadband": _NUMBERS,
    "max_rate": _NUMBERS,
    "max_step": _NUMBERS,
    "stuck_after": (*_NUMBERS, TagKind.BOOLEAN, TagKind.STATE),
    "states": (TagKind.STATE,),
    "limits": _NUMBERS,
}


class Limits(Bounds):
    """Alarm limits of a tag, in the tag's unit; those that are not set do not apply."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, from_attributes=True)

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        given = [(name, value) for name, value in self if value is not None]
        for (lower, low), (upper, high) in pairwise(given):
            if low >= high:
                raise ValueError(f"limits must ascend: {lower} ({low:g}) is not below {upper} ({high:g})")
        return self


class Tag(_Part):
    """One signal of an asset class."""

    kind: TagKind = TagKind.NUMBER
    description: str = ""
    unit: Unit | None = None
    """Unit of all values behind the context stage."""
    source_unit: Unit | None = None
    """Unit that the source delivers, when it is another; the context stage converts."""
    range: tuple[float, float] | None = None
    """Lowest and highest value that the sensor can measure; outside it a sample is marked out_of_range."""
    deadband: float = Field(default=0.0, ge=0)
    """Changes up to this are no change (also for the stuck rule)."""
    rate_hz: float | None = Field(default=None, gt=0)
    """Expected samples per second; null means once per scan of the class."""
    max_rate: float | None = Field(default=None, gt=0)
    """Fastest change that physics allows, in units per second; beyond it a sample is marked impossible_rate."""
    max_step: float | None = Field(default=None, gt=0)
    """Largest step from one sample to the next that is no spike; a sample further from the last plausible one is marked
    spike, until three in a row keep the new level."""
    carry: Duration | None = Field(default=None, gt=0)
    """How long a value stands for newer ones, for a source that only tells changes; such values are marked as carried.
    Null: a value that the source does not send is missing."""
    stuck_after: Duration | None = Field(default=None, gt=0)
    """A value that rests longer than this is marked stuck; null means that it may rest for ever."""
    states: tuple[str, ...] = Field(default=(), validate_default=True)
    """For kind state: the values it may take."""
    limits: Limits | None = None
    """Alarm limits; they keep watch when no model can."""

    @field_validator(*_FITTING)
    @classmethod
    def _fits_kind(cls, value: object, info: ValidationInfo) -> object:
        kind = info.data.get("kind")
        fitting = _FITTING[str(info.field_name)]
        if value and kind is not None and kind not in fitting:
            raise ValueError(f"`{info.field_name}` is for kind {', '.join(fitting)}, not {kind} (remove it)")
        return value

    @field_validator("source_unit")
    @classmethod
    def _converts(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and "unit" in info.data:
            unit = info.data["unit"]
            if unit is None:
                raise ValueError("`source_unit` needs a `unit` to convert to (add it)")
            conversion(value, unit)
        return value

    @field_validator("range")
    @classmethod
    def _ascends(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"range must ascend: {value[0]:g} is not below {value[1]:g}")
        return value

    @field_validator("states")
    @classmethod
    def _states_are_named(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not value and info.data.get("kind") is TagKind.STATE:
            raise ValueError("a tag of kind state needs `states` (list the values that it may take)")
        for state in value:
            if value.count(state) > 1:
                raise ValueError(f"state {state!r} is there twice (remove one)")
        return value

    @field_validator("limits")
    @classmethod
    def _limits_can_be_reached(cls, value: Limits | None, info: ValidationInfo) -> Limits | None:
        measured = info.data.get("range")
        for name, limit in value or ():
            if measured and limit is not None and not measured[0] <= limit <= measured[1]:
                raise ValueError(
                    f"{name} ({limit:g}) lies outside `range`, so it is never reached (correct one of them)"
                )
        return value

    @property
    def numeric(self) -> bool:
        """Whether features can be computed of it."""
        return self.kind in _NUMBERS


class Message(_Part):
    """What to tell people when a tag is the main reason for an alert. The first that fits is used."""

    tag: TagName | None = None
    """The tag that must be the main reason; null fits any."""
    direction: Literal["low", "high", "any"] = "any"
    """Whether it must be below or above normal."""
    severity: Severity = "warning"
    text: str = Field(min_length=1)
    """Plain words; may name {asset}, {tag}, {value}, {normal}, {unit}, {percent} and {direction}."""

    @field_validator("text")
    @classmethod
    def _fields_are_known(cls, text: str) -> str:
        known = {"asset", "tag", "value", "normal", "unit", "percent", "direction"}
        try:
            text.format(**dict.fromkeys(known, ""))
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            reason = f"there is no {error}" if isinstance(error, KeyError) else str(error)
            names = ", ".join(sorted(known))
            raise ValueError(f"{text!r} cannot be filled in: {reason} (it may name {names})") from None
        return text


class Thresholds(StrEnum):
    """What a model's scores are compared with."""

    ONE = "one"
    """The same threshold for all windows."""
    BY_REGIME = "by_regime"
    """A threshold for each regime of operation: product and recipe, and the ranges of the `regime` features."""


class ModelSpec(_Part):
    """How a class is modelled and when an alert opens."""

    family: FamilyName = "pca"
    """Model family to train, see docs/training.md."""
    thresholds: Thresholds = Thresholds.ONE
    """Whether each regime of operation gets a threshold of its own, so that false alarms are as rare in each."""
    min_good_ratio: float = Field(default=0.7, ge=0, le=1)
    """Below this share of good samples inference abstains."""
    stale_after: Duration = Field(default=600_000_000, gt=0)
    """Inference abstains from a live window that ended longer than this before its data came in: it shows a state that
    nobody should act on as if it were the present one. What windows wait for by definition (`lateness`, `idle`) is not
    counted; history is never stale."""
    open_after: Duration = 0
    """An alert opens when windows are anomalous for this long (event time) without a break."""
    resolve_after: Duration = 30_000_000
    """It resolves when windows are normal for this long."""
    hysteresis: float = Field(default=0.1, ge=0, lt=1)
    """While an alert is open, a window counts as normal only below threshold x (1 - hysteresis)."""
    suppressed_in: tuple[Circumstance, ...] = (
        Circumstance.MAINTENANCE,
        Circumstance.PLANNED_STOP,
        Circumstance.CHANGEOVER,
    )
    """Circumstances in which alerts are suppressed (ANSI/ISA-18.2: suppressed by design)."""
    flapping: Flapping = Flapping()
    """When an alert that comes and goes is held open as one."""


class DriftSpec(_Part):
    """When the data of a class counts as drifted, and what follows."""

    false_alarms_per_30_days: float = Field(default=1.0, gt=0)
    """The false-alarm contract: how often drift may be reported of a machine that has not changed."""
    retrain: bool = True
    """Whether process drift and model decay ask for a new model."""
    cool_down: Duration = Field(default=86_400_000_000, ge=0)
    """After a model was trained, the next one waits this long."""
    retrain_every: Duration | None = Field(default=None, gt=0)
    """Train on a schedule, too; null trains only when asked to."""


class Consistency(_Part):
    """How samples of one frame must relate: `low` and `high`, `sum` and `equals`, or `ratio` and `between`."""

    name: str = Field(min_length=1)
    """What must hold, in plain words, such as 'the pump adds pressure'."""
    low: TagName | None = None
    """Tag that is never above `high`."""
    high: TagName | None = None
    """Tag that is never below `low`."""
    sum: tuple[TagName, ...] = ()
    """Tags that add up to `equals`."""
    equals: TagName | None = None
    """Tag that is the sum of those."""
    ratio: tuple[TagName, TagName] | None = None
    """Two tags, of which the first divided by the second lies `between` two numbers."""
    between: tuple[float, float] | None = None
    """Lowest and highest ratio."""
    tolerance: float = Field(default=0.0, ge=0)
    """How far off is still right, in the tags' unit; for a ratio in the first tag's."""
    marks: tuple[TagName, ...] = ()
    """Tags to mark as inconsistent when it does not hold; all that it compares, when none is named."""

    @model_validator(mode="after")
    def _is_one_relation(self) -> Self:
        pairs = ((self.low, self.high), (self.sum, self.equals), (self.ratio, self.between))
        given = [pair for pair in pairs if any(pair)]
        if len(given) != 1 or not all(given[0]):
            raise ValueError("must be one relation: `low` and `high`, `sum` and `equals`, or `ratio` and `between`")
        return self

    @field_validator("between")
    @classmethod
    def _ascends(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError(f"between must ascend: {value[0]:g} is above {value[1]:g}")
        return value

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the tags that are compared."""
        single = (name for name in (self.low, self.high, self.equals) if name is not None)
        return (*self.sum, *(self.ratio or ()), *single)

    @property
    def marked(self) -> tuple[str, ...]:
        """Names of the tags that are marked when it does not hold."""
        return self.marks or self.compared


class AssetClass(_Part):
    """A kind of machine, declared once and instantiated per machine."""

    description: str = ""
    scan: Duration = Field(default=1_000_000, gt=0)
    """Interval at which a frame of all signals is expected."""
    tags: dict[TagName, Tag] = Field(min_length=1)
    consistency: tuple[Consistency, ...] = ()
    """Relations in which the samples of one frame must stand; those that do not are marked inconsistent."""
    features: FeatureDefinition = Field(default_factory=FeatureDefinition)
    model: ModelSpec = Field(default_factory=ModelSpec)
    drift: DriftSpec = Field(default_factory=DriftSpec)
    messages: tuple[Message, ...] = ()
    machine_states: tuple[StateRule, ...] = ()
    """How its state follows from its tags and its context, unless an event tells it."""
    production: Production | None = None
    """What its OEE is computed from; null means that it has none."""

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        _refuse(self, class_problems(self.model_dump(by_alias=True)))
        _refuse(self, _named_twice(self.feature_definition.feature_names))
        return self

    @cached_property
    def numeric_tags(self) -> tuple[str, ...]:
        """Names of the tags that features can be computed of, in the class's order."""
        return tuple(name for name, tag in self.tags.items() if tag.numeric)

    @cached_property
    def feature_definition(self) -> FeatureDefinition:
        """The feature definition with its tags filled in: this one is hashed, served and trained on."""
        return self.features.model_copy(update={"tags": self.features.tags or self.numeric_tags})

    @cached_property
    def feature_units(self) -> dict[str, str | None]:
        """Unit of each feature, by its name, as pint reads it; None for those without."""
        units = {name: tag.unit for name, tag in self.tags.items()}
        return {feature.name: feature.unit(units) for feature in self.feature_definition.features}


def _named_twice(features: Iterable[str]) -> Iterator[Problem]:
    for name, count in Counter(features).items():
        if count > 1:
            yield Problem(("features",), f"makes {count} features of the name {name!r} (ask for it once only)")


class Criteria(_Part):
    """What a model must show on data it has not seen before anybody may let it act; null asks for nothing."""

    min_recall: float | None = Field(default=None, ge=0, le=1)
    """Share of labelled events that it must find."""
    max_false_alarms_per_week: float | None = Field(default=None, ge=0)
    """Alarms that a machine may raise in a week of normal operation."""
    max_latency_ms: float | None = Field(default=None, gt=0)
    """Median time that one window may take to score, on the machine that trains."""
    max_size_mib: float = Field(default=64, gt=0)
    """Size that model.onnx may have."""


class UseCase(_Part):
    """Why somebody pays for this: the question, its owner, and how success is measured."""

    name: str = Field(min_length=1)
    asset_class: ClassName
    owner: str = Field(min_length=1)
    """Who acts on its alerts."""
    kpi: str = Field(min_length=1)
    """What is to get better, such as 'unplanned stops per month'."""
    baseline: float
    """The KPI today."""
    target: float
    """The KPI to reach."""
    unit: str = ""
    """Unit of the KPI."""
    criteria: Criteria = Criteria()
    """Go or no go."""


class Asset(_Part):
    """One machine."""

    asset_class: ClassName = Field(alias="class")
    description: str = ""


class Plant(_Part):
    """A site with its machines. `load_plant` makes one from plant.yaml."""

    enterprise: Annotated[str, AfterValidator(lambda name: check_topic_segment(name, "enterprise"))]
    site: Annotated[str, AfterValidator(lambda name: check_topic_segment(name, "site"))]
    prefix: Annotated[str, AfterValidator(lambda name: check_topic_segment(name, "prefix"))] = "uns"
    """First segment of every topic."""
    classes: dict[ClassName, AssetClass] = Field(min_length=1)
    assets: dict[AssetName, Asset] = Field(min_length=1)
    """ISA-95 path below the site (area/line/cell/asset) to the machine."""
    use_cases: tuple[UseCase, ...] = ()
    routes: tuple[Route, ...] = ()
    """Where alerts are told; all that fit count. Without any, every sink is told everything."""
    time_zone: TimeZone = "UTC"
    """Time zone of the site, in which shifts are written."""
    shifts: tuple[Shift, ...] = ()
    """The weekly calendar."""
    closed: tuple[Day, ...] = ()
    """Days on which no shift starts."""

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        _refuse(self, plant_problems(self.model_dump(by_alias=True)))
        TopicName(self.enterprise, self.site, max(Stage, key=len), self.prefix)
        return self

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()[:12]

    def class_of(self, asset: str) -> str | None:
        """Return the name of an asset's class, or None for an unknown asset."""
        found = self.assets.get(asset)
        return found.asset_class if found else None
