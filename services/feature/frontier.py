"""How far the windows of each lane, an asset live or in history, are closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from andon.features import FeatureDefinition
from andon.features.membership import AssetNumbers, pane_start
from andon.features.segments import Ints
from andon.stream.stage import State


class Frontiers:
    """Per lane, by its number, as for one asset: how far its windows are closed, and what that depends on.

    Attributes:
        closed: all windows that end at or before it are closed, microseconds.
        offset: the newest frame's offset in the input.
    """

    def __init__(self, definition: FeatureDefinition, assets: Sequence[str], state: Mapping[str, State]) -> None:
        self._definition = definition
        known = [state.get(asset, {"closed": 0, "offset": -1}) for asset in assets]
        self.closed = np.array([kept["closed"] for kept in known], np.int64)
        self.offset = np.array([kept["offset"] for kept in known], np.int64)
        self._newest = np.full(len(assets), -definition.window)
        self._seen = np.zeros(len(assets), np.int64)

    def advance(self, asset: AssetNumbers, time: Ints, offset: Ints, now: int) -> Ints:
        """Take note of frames, in offset order, and return how far each allows its asset's windows to be closed.

        `closed` stays as it is; whoever closes the windows sets it.
        """
        newest = np.maximum(self._newest[asset], running_maximum(asset, time))
        # Of several assignments to one asset the last holds, which is the newest.
        self._newest[asset], self.offset[asset], self._seen[asset] = newest, offset, now
        watermark = newest - self._definition.lateness
        return np.maximum(self.closed[asset], pane_start(watermark, self._definition))

    def behind_silent(self, now: int, caught_up_since: int) -> Ints:
        """Return frontiers that lie behind the last open window of each asset that has been silent for too long.

        What was not read yet is no silence, so it counts from *caught_up_since* at the earliest.
        """
        last = pane_start(self._newest, self._definition) + self._definition.window
        # By a clock that was set back, an asset that spoke before that has spoken just now.
        np.minimum(self._seen, now, out=self._seen)
        silent = now - np.maximum(self._seen, caught_up_since) >= self._definition.idle
        return np.where(silent, np.maximum(last, self.closed), self.closed)


def running_maximum(group: AssetNumbers, values: Ints) -> Ints:
    """Return for each element the largest value of its group up to there."""
    order = np.argsort(group, kind="stable")
    ascending = np.argsort(values, kind="stable")
    rank = np.empty_like(ascending)
    rank[ascending] = np.arange(len(values))
    # Group and rank in one number: it grows from group to group, so the maximum starts anew at each.
    combined = group[order].astype(np.int64) * len(values) + rank[order]
    running = np.empty_like(values)
    running[order] = values[ascending[np.maximum.accumulate(combined) % len(values)]]
    return running


def first_reaching(group: AssetNumbers, values: Ints, wanted_group: AssetNumbers, wanted: Ints) -> Ints:
    """Return for each wanted value the first element of its group that reaches it.

    Args:
        group: group of each element.
        values: never descend within a group; at least one reaches each wanted value.
        wanted_group: group of each wanted value.
        wanted: the wanted values.
    """
    order = np.argsort(group, kind="stable")
    levels = np.unique(values)
    combined = group[order].astype(np.int64) * len(levels) + np.searchsorted(levels, values[order])
    sought = wanted_group.astype(np.int64) * len(levels) + np.searchsorted(levels, wanted)
    return order[np.searchsorted(combined, sought)]
