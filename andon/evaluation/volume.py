"""VUS-PR: the volume under the precision-recall surface (Paparrizos et al. 2022, Volume under the surface).

No threshold is needed, and being a little early or late costs little: the labels fade out on both sides of an event
over a buffer of l / 2 rows, as sqrt(1 - distance / l). For each threshold, with the faded labels g and alarms a:

- precision = sum(g a) / sum(a);
- recall = min(1, sum(g a) / P) x share of events that any alarm touches, P the mean of the sums of labels and g.

The area under precision over recall (as average precision, no interpolation) is averaged over buffers from 0 to the
longest. A score at random has about the share of abnormal rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from andon.evaluation.record import Bools, Floats, Ints, Record, intervals

#: Buffers between none and the longest, both included.
_BUFFERS = 9


def vus_pr(records: Sequence[Record], longest: int) -> float:
    """Return the volume of the scores of all records together, 0 to 1; NaN if no row is abnormal.

    Args:
        records: with scores that are comparable between them.
        longest: longest buffer in rows, usually the length of a typical event or of a window; >= 0.
    """
    if not any(record.truth.any() for record in records):
        return math.nan
    lengths = np.unique(np.linspace(0, longest, _BUFFERS).round().astype(int))
    return float(np.mean([_area(records, int(length)) for length in lengths]))


def faded(truth: Bools, buffer: int) -> Floats:
    """Return labels ``[n]`` between 0 and 1 that fade out on both sides of events over *buffer* / 2 rows."""
    events = np.flatnonzero(truth)
    if not buffer or not len(events):
        return truth.astype(np.float64)
    rows = np.arange(len(truth))
    after = np.searchsorted(events, rows)
    ahead = events[np.minimum(after, len(events) - 1)]
    behind = events[np.maximum(after - 1, 0)]
    distance = np.minimum(np.abs(ahead - rows), np.abs(rows - behind))
    return np.where(distance <= buffer // 2, np.sqrt(np.maximum(0, 1 - distance / buffer)), 0.0)


def _area(records: Sequence[Record], buffer: int) -> float:
    labels = [faded(record.truth, buffer) for record in records]
    score = np.concatenate([record.score for record in records])
    order, last = _by_score(score)
    hits = np.cumsum(np.concatenate(labels)[order])[last]
    positives = sum(int(record.truth.sum()) for record in records)
    recall = np.minimum(1, hits / ((positives + sum(each.sum() for each in labels)) / 2))
    recall *= _touched(records, labels, score[order][last])
    return float(np.sum(np.diff(recall, prepend=0.0) * hits / (last + 1)))


def _by_score(score: Floats) -> tuple[Ints, Ints]:
    """Return the rows by falling score, and the last position of each distinct score: there thresholds lie."""
    order = np.argsort(-score, kind="stable")
    falling = score[order]
    return order, np.append(np.flatnonzero(falling[1:] != falling[:-1]), len(score) - 1)


def _touched(records: Sequence[Record], labels: Sequence[Floats], thresholds: Floats) -> Floats:
    """Return for each of falling *thresholds* the share of events that a score reaches."""
    peaks = [
        record.score[first:end].max()
        for record, label in zip(records, labels, strict=True)
        for first, end in intervals(label > 0)
    ]
    return 1 - np.searchsorted(np.sort(peaks), thresholds, side="left") / len(peaks)
