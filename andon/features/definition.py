"""What a feature vector is made of, as data, versioned by its content."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from andon.features.feature import Feature, UnitRule
from andon.features.kinds import Extra
from andon.units import Duration


class Aggregate(StrEnum):
    """A statistic of one tag's good samples in one window; all but `good_ratio` in the tag's unit or none."""

    MEAN = "mean"
    STD = "std"
    """Sample standard deviation (n - 1); null below two samples."""
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    SLOPE = "slope"
    """Least-squares slope over event time, in units per second; null below two distinct times."""
    RMS = "rms"
    """Root of the mean square."""
    PEAK_TO_PEAK = "peak_to_peak"
    """max - min."""
    KURTOSIS = "kurtosis"
    """Fourth standardised moment (population, not excess: 3 for a normal distribution); 0 if constant."""
    CREST_FACTOR = "crest_factor"
    """max |x| / rms; 0 where rms is 0."""
    GOOD_RATIO = "good_ratio"
    """Good samples over max(samples, expected samples) of the window; never null."""


_RULES = {
    Aggregate.SLOPE: UnitRule.PER_SECOND,
    Aggregate.KURTOSIS: UnitRule.NONE,
    Aggregate.CREST_FACTOR: UnitRule.NONE,
    Aggregate.GOOD_RATIO: UnitRule.NONE,
}


class FeatureDefinition(BaseModel):
    """Windows and features of one asset class.

    Its `hash` names everything that changes a value: a model trained on one definition refuses vectors
    of another.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    window: Duration = 10_000_000
    """Length of a window, event time."""
    hop: Duration = 0
    """Distance between window starts; 0 means the window's length (tumbling). Must divide the window."""
    lateness: Duration = 2_000_000
    """How long a window waits, in event time, for samples that come out of order."""
    idle: Duration = 15_000_000
    """A window is closed when its asset has sent nothing for this long on the wall clock. It must be longer than a
    source or service before this one takes to start again, or what follows then is late."""
    aggregates: tuple[Aggregate, ...] = Field(default=tuple(Aggregate), min_length=1)
    """Statistics computed of every tag."""
    tags: tuple[str, ...] = ()
    """Tags to use; empty means all number and integer tags of the class, in its order."""
    extra: Extra = Extra()
    """Features of other kinds, which follow those."""

    @model_validator(mode="after")
    def _hop_divides_window(self) -> FeatureDefinition:
        if self.window <= 0:
            raise ValueError("window must be longer than 0")
        if self.hop < 0 or (self.hop and self.window % self.hop):
            raise ValueError(f"hop ({self.hop} us) must divide the window ({self.window} us)")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not there: a definition without extra features keeps the hash that it had before them."""
        return {name: value for name, value in handler(self).items() if name != "extra" or value}

    @property
    def step(self) -> int:
        """Distance between window starts, microseconds."""
        return self.hop or self.window

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """All features, in the order in which a model takes them: by tag, then by aggregate; then the extra ones."""
        of_tags = tuple(_aggregate(tag, aggregate) for tag in self.tags for aggregate in self.aggregates)
        return (*of_tags, *(feature for kind in self.extra.kinds for feature in kind.features))

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of all features, in their order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """All that features are made of, each once: `tags` first, then what only extra features read."""
        return tuple(dict.fromkeys((*self.tags, *(name for kind in self.extra.kinds for name in kind.inputs))))

    @cached_property
    def hash(self) -> str:
        """Twelve hexadecimal digits of the content's SHA-256; `idle` is left out, it changes no value."""
        content = self.model_dump_json(exclude={"idle"})
        return hashlib.sha256(f"features.v1:{content}".encode()).hexdigest()[:12]


def _aggregate(tag: str, aggregate: Aggregate) -> Feature:
    rule = _RULES.get(aggregate, UnitRule.SAME)
    return Feature(f"{tag}_{aggregate}", (tag,), aggregate, rule, about_data=aggregate is Aggregate.GOOD_RATIO)
