"""The plant model as validated data."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from andon.contracts.alerting import Severity
from andon.contracts.frames import Bounds
from andon.features import FeatureDefinition
from andon.units import Duration, registry
from andon.uns import check_asset, check_tag
from andon.uns.names import check_key_segment, check_topic_segment

TagName = Annotated[str, AfterValidator(check_tag)]
AssetName = Annotated[str, AfterValidator(check_asset)]
ClassName = Annotated[str, AfterValidator(lambda name: check_key_segment(name, "class"))]


def _check_unit(unit: str) -> str:
    try:
        registry().parse_units(unit)
    except Exception as error:  # noqa: BLE001 - pint raises errors of many unrelated types for bad text
        raise ValueError(f"unit {unit!r} is not known: {error}") from None
    return unit


Unit = Annotated[str, AfterValidator(_check_unit)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TagKind(StrEnum):
    """What a tag's values are."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    STATE = "state"
    WAVEFORM = "waveform"


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
    stuck_after: Duration | None = None
    """A value that rests longer than this is marked stuck; null means that it may rest for ever."""
    states: tuple[str, ...] = ()
    """For kind state: the values it may take."""
    limits: Bounds | None = None
    """Alarm limits; they keep watch when no model can."""

    @field_validator("range")
    @classmethod
    def _range_ascends(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"range must ascend: {value[0]} is not below {value[1]}")
        return value

    @model_validator(mode="after")
    def _fits_kind(self) -> Tag:
        if (self.kind is TagKind.STATE) != bool(self.states):
            raise ValueError("`states` is needed for kind state, and only there")
        numeric = self.kind in (TagKind.NUMBER, TagKind.INTEGER)
        for name in ("range", "max_rate", "limits"):
            if getattr(self, name) is not None and not numeric:
                raise ValueError(f"`{name}` is for tags of kind number or integer, not {self.kind}")
        if self.source_unit is not None:
            if self.unit is None:
                raise ValueError("`source_unit` needs a `unit` to convert to")
            if not registry().is_compatible_with(self.source_unit, self.unit):
                raise ValueError(f"source_unit {self.source_unit!r} does not convert to unit {self.unit!r}")
        return self

    @property
    def numeric(self) -> bool:
        """Whether features can be computed of it."""
        return self.kind in (TagKind.NUMBER, TagKind.INTEGER)


class Message(_Part):
    """What to tell people when a tag is the main reason for an alert. The first that fits is used."""

    tag: TagName | None = None
    """The tag that must be the main reason; null fits any."""
    direction: Literal["low", "high", "any"] = "any"
    """Whether it must be below or above normal."""
    severity: Severity = "warning"
    text: str
    """Plain words; may name {asset}, {tag}, {value}, {normal}, {unit}, {percent} and {direction}."""

    @field_validator("text")
    @classmethod
    def _fields_are_known(cls, text: str) -> str:
        known = {"asset", "tag", "value", "normal", "unit", "percent", "direction"}
        try:
            text.format(**dict.fromkeys(known, ""))
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            names = ", ".join(sorted(known))
            raise ValueError(f"text {text!r} cannot be filled in ({error!r}); it may name {names}") from None
        return text


class ModelSpec(_Part):
    """How a class is modelled and when an alert opens."""

    family: Literal["pca"] = "pca"
    """Model family to train."""
    min_good_ratio: float = Field(default=0.7, ge=0, le=1)
    """Below this share of good samples inference abstains."""
    open_after: Duration = 0
    """An alert opens when windows are anomalous for this long (event time) without a break."""
    resolve_after: Duration = 30_000_000
    """It resolves when windows are normal for this long."""
    hysteresis: float = Field(default=0.1, ge=0, lt=1)
    """While an alert is open, a window counts as normal only below threshold x (1 - hysteresis)."""


class AssetClass(_Part):
    """A kind of machine, declared once and instantiated per machine."""

    description: str = ""
    scan: Duration = 1_000_000
    """Interval at which a frame of all signals is expected."""
    tags: dict[TagName, Tag] = Field(min_length=1)
    features: FeatureDefinition = Field(default_factory=FeatureDefinition)
    model: ModelSpec = Field(default_factory=ModelSpec)
    messages: tuple[Message, ...] = ()

    @model_validator(mode="after")
    def _references_exist(self) -> AssetClass:
        for tag in self.features.tags:
            if tag not in self.tags:
                raise ValueError(f"features.tags names {tag!r}, which is no tag of the class")
            if not self.tags[tag].numeric:
                raise ValueError(
                    f"features.tags names {tag!r} of kind {self.tags[tag].kind}; only numbers have features"
                )
        for message in self.messages:
            if message.tag is not None and message.tag not in self.tags:
                raise ValueError(f"a message names tag {message.tag!r}, which is no tag of the class")
        return self

    @cached_property
    def numeric_tags(self) -> tuple[str, ...]:
        """Names of the tags that features can be computed of, in the class's order."""
        return tuple(name for name, tag in self.tags.items() if tag.numeric)

    @cached_property
    def feature_definition(self) -> FeatureDefinition:
        """The feature definition with its tags filled in: this one is hashed, served and trained on."""
        return self.features.model_copy(update={"tags": self.features.tags or self.numeric_tags})


class UseCase(_Part):
    """Why somebody pays for this: the question, its owner, and how success is measured."""

    name: str = Field(min_length=1)
    asset_class: ClassName
    owner: str
    """Who acts on its alerts."""
    kpi: str
    """What is to get better, such as 'unplanned stops per month'."""
    baseline: float
    """The KPI today."""
    target: float
    """The KPI to reach."""
    unit: str = ""
    """Unit of the KPI."""


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

    @model_validator(mode="after")
    def _classes_exist(self) -> Plant:
        known = ", ".join(self.classes)
        for path, asset in self.assets.items():
            if asset.asset_class not in self.classes:
                raise ValueError(f"asset {path!r} is of class {asset.asset_class!r}, known are {known}")
        for case in self.use_cases:
            if case.asset_class not in self.classes:
                raise ValueError(f"use case {case.name!r} is for class {case.asset_class!r}, known are {known}")
        return self

    @cached_property
    def version(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()[:12]

    def class_of(self, asset: str) -> str | None:
        """Return the name of an asset's class, or None for an unknown asset."""
        found = self.assets.get(asset)
        return found.asset_class if found else None
