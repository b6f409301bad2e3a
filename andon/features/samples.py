"""The samples that windows are made of, as the kinds of features take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.features.segments import Floats, Ints, Segments

#: Stands before the name of a field of the context, as the name of an input; no tag has this character.
CONTEXT = "context/"


@dataclass(frozen=True)
class WindowSamples:
    """Samples (n), ordered by window and event time; a row that lies in several windows is there once for each.

    Attributes:
        inputs: a column for each input of the definition, null where there is no good sample.
        rows: (n) the row of `inputs` that each sample is in.
        since: (n) event time since the window's start, microseconds; distinct within a window.
        segments: the windows.
        window: their length, microseconds.
    """

    inputs: pl.DataFrame
    rows: Ints
    since: Ints
    segments: Segments
    window: int

    @cached_property
    def seconds(self) -> Floats:
        """(n) event time since the window's start, seconds."""
        return self.since / SECOND

    def numbers(self, tags: Sequence[str]) -> Floats:
        """Return the samples of tags as numbers, [tags, n]; NaN where there is none.

        Booleans are 0 and 1. States are numbered: two are equal where the states are.
        """
        return np.stack([_numbers(self.inputs[tag]).take(self.rows) for tag in tags])

    def texts(self, name: str) -> pl.Series:
        """Return the samples of an input as texts, (n); null where there is none."""
        return self.inputs[name].cast(pl.String).gather(self.rows)


def _numbers(column: pl.Series) -> Floats:
    if column.dtype == pl.String:
        column = column.rank("dense")
    return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


@dataclass(frozen=True)
class Neighbours:
    """The good samples before and behind each sample (n) in its window; -1 where there is none.

    Attributes:
        before: (n) index of the good sample before.
        behind: (n) index of the good sample behind.
    """

    before: Ints
    behind: Ints

    @classmethod
    def of(cls, values: Floats, segments: Segments) -> Neighbours:
        """Look around each of *values* (n), of which those are good that are not NaN."""
        index = np.arange(len(values))
        good = ~np.isnan(values)
        last = np.maximum.accumulate(np.where(good, index, -1))
        following = np.minimum.accumulate(np.where(good, index, len(index))[::-1])[::-1]
        before, behind = np.append(-1, last[:-1])[: len(index)], np.append(following[1:], len(index))[: len(index)]
        starts = np.repeat(segments.starts, segments.lengths)
        ends = starts + np.repeat(segments.lengths, segments.lengths)
        return cls(np.where(before >= starts, before, -1), np.where(behind < ends, behind, -1))


def steps(values: Floats, samples: WindowSamples) -> tuple[Floats, Floats]:
    """Return how far each good sample (n) is from the good one before it in its window, and how long after (seconds).

    NaN where the sample is not good or there is none before it.
    """
    before = Neighbours.of(values, samples.segments).before
    there = (before >= 0) & ~np.isnan(values)
    change = np.where(there, values - values[before], np.nan)
    elapsed = np.where(there, samples.seconds - samples.seconds[before], np.nan)
    return change, elapsed


def stands(values: Floats, samples: WindowSamples, hold: int) -> Floats:
    """Return how long each good sample (n) stands, seconds: until the next good one or the window's end.

    Args:
        values: (n) NaN where not good; such a sample stands for no time.
        samples: the windows.
        hold: the longest that a sample stands, microseconds: what comes after it in a gap is not known.
    """
    behind = Neighbours.of(values, samples.segments).behind
    until = np.where(behind >= 0, samples.since[behind], samples.window)
    return np.where(np.isnan(values), 0.0, np.minimum(until - samples.since, hold) / SECOND)
