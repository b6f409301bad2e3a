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


def good_before(values: Floats, segments: Segments) -> Ints:
    """Return the index of the good value (not NaN) before each of *values* (n) in its segment; -1 for none."""
    index = np.arange(len(values))
    newest = np.maximum.accumulate(np.where(np.isnan(values), -1, index))
    found = np.concatenate((index[:1] - 1, newest[:-1]))
    return np.where(found >= np.repeat(segments.starts, segments.lengths), found, -1)


def good_behind(values: Floats, segments: Segments) -> Ints:
    """Return the index of the good value (not NaN) behind each of *values* (n) in its segment; -1 for none."""
    index = np.arange(len(values))
    next_one = np.minimum.accumulate(np.where(np.isnan(values), len(values), index)[::-1])[::-1]
    found = np.concatenate((next_one[1:], index[-1:] + 1))
    return np.where(found < np.repeat(segments.starts + segments.lengths, segments.lengths), found, -1)


def steps(values: Floats, samples: WindowSamples) -> tuple[Floats, Floats]:
    """Return how far each good sample (n) is from the good one before it in its window, and how long after (seconds).

    NaN where the sample is not good or there is none before it.
    """
    before = good_before(values, samples.segments)
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
    behind = good_behind(values, samples.segments)
    until = np.where(behind >= 0, samples.since[behind], samples.window)
    return np.where(np.isnan(values), 0.0, np.minimum(until - samples.since, hold) / SECOND)
