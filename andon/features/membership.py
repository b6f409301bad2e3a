"""Which sample belongs to which window.

Windows are aligned to the epoch: ``[k x step, k x step + window)``. A *pane* holds an asset's samples between two
multiples of the step, and lies as a whole in ``window / step`` windows::

    pane      |  0  |  1  |  2  |  3  |
    window    [-----------)                 window = 2 x step:
                    [-----------)           pane 1 lies in the first two windows
                          [-----------)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from andon.features.definition import FeatureDefinition
from andon.features.segments import Ints, Segments

#: Number of each row's asset, of any integer type; the smaller the type, the faster it sorts.
AssetNumbers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Membership:
    """Pairs of row and window, ordered by asset, window and event time.

    Attributes:
        rows: the row of each pair.
        segments: the pairs of each window.
        end: each window's end (exclusive), microseconds.
    """

    rows: Ints
    segments: Segments
    end: Ints


@dataclass(frozen=True)
class Span:
    """The windows wanted: those with ``after < end <= until``.

    Attributes:
        after: for each row; never less for a later row of the same asset.
        until: for each row, the same for all of an asset.
    """

    after: Ints
    until: Ints


def pane_start(time: Ints, definition: FeatureDefinition) -> Ints:
    """Return the start of the pane that each event time lies in."""
    start: Ints = time // definition.step * definition.step
    return start


def assign(asset: AssetNumbers, time: Ints, definition: FeatureDefinition, span: Span | None = None) -> Membership:
    """Assign rows to windows; of several rows of one asset with one time only the first takes part.

    Args:
        asset: number of each row's asset.
        time: event time of each row, microseconds.
        definition: length and step of the windows.
        span: the windows wanted; None wants all.
    """
    order = np.lexsort((time, asset))
    order = order[_runs(asset[order], time[order]).starts]
    panes = _runs(asset[order], pane_start(time[order], definition))
    pane, end = _windows_of(panes, order, asset, time, definition, span)
    rows, end = order[_elements(panes, pane)], np.repeat(end, panes.lengths[pane])
    if span is not None:
        wanted = span.after[rows] < end
        rows, end = rows[wanted], end[wanted]
    segments = _runs(asset[rows], end)
    return Membership(rows, segments, end[segments.starts])


def _runs(*keys: npt.NDArray[np.integer]) -> Segments:
    """Return the runs of rows in which no key changes."""
    changes = np.ones(len(keys[0]), np.bool_)
    changes[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    starts = np.flatnonzero(changes)
    return Segments(starts, np.diff(starts, append=len(changes)))


def _windows_of(
    panes: Segments, order: Ints, asset: AssetNumbers, time: Ints, definition: FeatureDefinition, span: Span | None
) -> tuple[Ints, Ints]:
    """Return pairs of a pane's index and the end of a wanted window that it lies in, ordered by asset and window."""
    opening = order[panes.starts]
    count = definition.window // definition.step
    pane = np.repeat(np.arange(len(opening)), count)
    ends = pane_start(time[opening], definition)[:, None] + np.arange(1, count + 1) * definition.step
    end = ends.ravel()
    if span is not None:
        after = np.minimum.reduceat(span.after[order], panes.starts)
        wanted = (after[pane] < end) & (end <= span.until[opening][pane])
        pane, end = pane[wanted], end[wanted]
    by_window = np.lexsort((pane, end, asset[opening][pane]))
    return pane[by_window], end[by_window]


def _elements(segments: Segments, chosen: Ints) -> Ints:
    """Return the indices of all elements of the chosen segments, one segment after the other."""
    lengths = segments.lengths[chosen]
    shift = segments.starts[chosen] - (np.cumsum(lengths) - lengths)
    elements: Ints = np.arange(lengths.sum()) + np.repeat(shift, lengths)
    return elements
