"""Under which circumstances a machine worked: what was made, and how hard."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from andon.features.feature import Feature, UnitRule
from andon.features.kinds.base import Kind, OfTags
from andon.features.samples import CONTEXT, WindowSamples
from andon.features.segments import Floats


class Context(Kind):
    """Share of a window's frames for which the context has each of some values: 1 or 0 unless it changes within.

    One feature a value (one-hot). Frames of which the context is not known do not count.
    """

    field: Literal["product", "recipe", "order", "batch", "shift", "maintenance", "machine_state"]
    """Field of the context."""
    values: tuple[str, ...] = Field(min_length=1)
    """Values to tell apart; any other is 0 in all."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<field>_is_<value>`` of each value."""
        return tuple(Feature(f"{self.field}_is_{value}", (), self.field, UnitRule.NONE) for value in self.values)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The field."""
        return (CONTEXT + self.field,)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return the shares, [values, windows]; NaN where the field is known of no frame."""
        texts, segments = samples.texts(CONTEXT + self.field), samples.segments
        known = segments.count(texts.is_not_null().to_numpy())
        return np.stack(
            [segments.count((texts == value).fill_null(value=False).to_numpy()) / known for value in self.values]
        )


class Regime(OfTags):
    """Which range a tag's mean lies in, such as idle, part load, full load: 1 for that range, 0 for the others."""

    edges: tuple[float, ...] = Field(min_length=1)
    """Where one range ends and the next begins, ascending, in the tags' unit; n edges make n + 1 ranges."""

    @field_validator("edges")
    @classmethod
    def _ascend(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(low >= high for low, high in pairwise(value)):
            raise ValueError("edges must ascend")
        return value

    @property
    def features(self) -> tuple[Feature, ...]:
        """``<tag>_regime_<range>`` of each tag and range, counted from 0 for what is below the first edge."""
        statistics = [f"regime_{number}" for number in range(len(self.edges) + 1)]
        return tuple(Feature(f"{tag}_{each}", (tag,), each, UnitRule.NONE) for tag in self.tags for each in statistics)

    def compute(self, samples: WindowSamples) -> Floats:
        """Return 1 or 0 for each range, [tags x ranges, windows]; NaN without a good sample."""
        mean = samples.segments.mean(samples.numbers(self.tags))
        found = np.searchsorted(self.edges, mean, side="right")
        ranges = np.arange(len(self.edges) + 1)[:, None]
        hot = np.where(np.isnan(mean)[:, None, :], np.nan, found[:, None, :] == ranges)
        return np.concatenate(list(hot))
