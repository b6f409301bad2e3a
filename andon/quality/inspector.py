"""Which samples can be trusted: the same code judges live frames (context service) and recordings (trainer)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.plant import AssetClass
from andon.quality.arrivals import Arrivals
from andon.quality.consistency import mark_inconsistent
from andon.quality.marks import GOOD, Codes, Floats, levels, quality_column, sample_codes
from andon.quality.rules import ClassRules
from andon.quality.values import model_values
from andon.quality.watch import Watch


@dataclass(frozen=True, slots=True)
class Inspected:
    """Frames (n rows) that have been judged.

    Attributes:
        values: one column per tag, in the model's units.
        level: tag to `andon.quality.marks.levels`, NaN where missing.
        codes: tag to the code of each sample's mark.
    """

    values: pl.DataFrame
    level: Mapping[str, Floats]
    codes: Mapping[str, Codes]

    @property
    def quality(self) -> pl.Series:
        """The contract's `quality`: a struct of marks per tag, null in rows whose samples are all good."""
        return quality_column(self.codes)

    def good(self, tag: str) -> Floats:
        """Return a number tag's samples, in the model's unit, NaN where one is marked."""
        return np.where(self.codes[tag] == GOOD, self.level[tag], np.nan)


class Inspector:
    """Brings frames of one asset class into the model's units and judges every sample.

    What it says of a frame depends on the frames before, not on how they were cut into batches.

    Args:
        asset_class: gives units, ranges and rules.
        assets: how many assets the class has.
    """

    def __init__(self, asset_class: AssetClass, assets: int) -> None:
        self._asset_class = asset_class
        self._values = model_values(asset_class)
        self._levels = levels(asset_class)
        rules = ClassRules.of(asset_class)
        self._watch = Watch(rules, assets) if rules.tags else None

    def inspect(self, values: pl.Series, status: pl.Series, arrivals: Arrivals) -> Inspected:
        """Judge the next frames.

        Args:
            values: struct of the class's tags, as the source gave them.
            status: struct of OPC UA StatusCodes per tag; null, whole or in part, means good.
            arrivals: whose frames they are and when they were so, in the order in which they came.
        """
        in_model_units = values.struct.unnest().select(self._values)
        level = {column.name: column.to_numpy() for column in in_model_units.select(self._levels)}
        codes = sample_codes(self._asset_class, level, status)
        if self._watch:
            self._watch.mark(arrivals, level, codes)
        mark_inconsistent(self._asset_class, level, codes)
        return Inspected(in_model_units, level, codes)

    def needed_from(self, clock: int) -> int | None:
        """Return the offset of the first frame that is remembered; None for none. See `Trail.needed_from`."""
        return self._watch.needed_from(clock) if self._watch else None
