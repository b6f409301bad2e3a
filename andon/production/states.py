"""The state of a machine from its tags and its context, by the plant model's rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.contracts import MachineState
from andon.plant import AssetClass, TagKind
from andon.plant.production import Condition, StateRule
from andon.production.join import Joined

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int8]

_STATES = tuple(MachineState)
#: The last stands for every code below 0.
_TEXTS = pl.Series([*(state.value for state in _STATES), None], dtype=pl.String)
#: Codes beside the positions in `_STATES`.
_TOLD = ("order", "batch", "product", "recipe", "shift", "maintenance")
_UNDECIDED, _UNKNOWN = -2, -1


class Samples(Protocol):
    """Samples of n frames."""

    def good(self, tag: str) -> Floats:
        """Return a tag's samples as numbers, NaN where one is missing or marked."""


class StateRules:
    """The rules of one asset class.

    Args:
        asset_class: gives the rules and the states of its tags.
    """

    def __init__(self, asset_class: AssetClass) -> None:
        self._class = asset_class

    def states(self, samples: Samples, joined: Joined) -> pl.Series:
        """Return each frame's machine state: as told, or by the first rule that fits; null where none can be told."""
        told = joined.columns["told_state"]
        if told.null_count() == 0 or not self._class.machine_states:
            return told.alias("machine_state")
        codes = self._codes(samples, joined)
        found = _TEXTS.gather(np.where(codes < 0, len(_STATES), codes).tolist())
        return found.zip_with(told.is_null(), told).alias("machine_state")

    def _codes(self, samples: Samples, joined: Joined) -> Codes:
        codes = np.full(joined.columns.height, _UNDECIDED, np.int8)
        for rule in self._class.machine_states:
            open_ = (codes == _UNDECIDED) & _given(rule, joined)
            if not open_.any():
                continue
            fits, known = conditions(self._class, rule.when, samples, len(codes))
            codes[open_ & fits & known] = _STATES.index(rule.state)
            codes[open_ & fits & ~known] = _UNKNOWN
        return codes


def context_of(joined: Joined, rules: StateRules, samples: Samples, *, stale: bool) -> pl.Series:
    """Return the contract's `context` of frames.

    Args:
        joined: what was told of their event times.
        rules: of their class.
        samples: of the frames.
        stale: whether a source of what is told could not be reached.
    """
    return joined.columns.select(
        pl.struct(
            *_TOLD,
            rules.states(samples, joined),
            pl.lit(stale).alias("stale"),
        ).alias("context")
    ).to_series()


def conditions(
    asset_class: AssetClass, when: Mapping[str, Condition], samples: Samples, count: int
) -> tuple[Mask, Mask]:
    """Return which of n frames may fulfil conditions, and of which that is known.

    A frame with a sample that breaks its condition does not fulfil them, whatever the others are; a sample that is not
    good leaves it open.
    """
    fits, known = np.ones(count, np.bool_), np.ones(count, np.bool_)
    for tag, condition in when.items():
        level = samples.good(tag)
        missing = np.isnan(level)
        fits &= missing | _holds(asset_class, tag, condition, level)
        known &= ~missing
    return fits, known


def _holds(asset_class: AssetClass, tag: str, condition: Condition, level: Floats) -> Mask:
    holds = np.ones(len(level), np.bool_)
    if condition.above is not None:
        holds &= level > condition.above
    if condition.below is not None:
        holds &= level < condition.below
    if condition.equal is not None:
        holds &= level == _level(asset_class, tag, condition.equal)
    return holds


def _level(asset_class: AssetClass, tag: str, value: bool | float | str) -> float:
    """Return a value as `andon.quality.marks.levels` gives it: states by their position."""
    known = asset_class.tags[tag]
    if known.kind is TagKind.STATE:
        return float(known.states.index(str(value)))
    return float(value)


def _given(rule: StateRule, joined: Joined) -> Mask:
    mask = np.ones(joined.columns.height, np.bool_)
    for name, wanted in rule.given:
        if wanted is not None:
            mask &= joined.has(name) == wanted
    return mask
