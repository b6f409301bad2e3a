"""Range-based precision and recall (Tatbul et al. 2018, Precision and recall for time series).

With flat positional bias (every row of an event is worth the same) and reciprocal cardinality (an event that is found
in x pieces is worth 1/x of its overlap), and without a reward for mere existence, which event recall already tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from andon.evaluation.record import Bools, Floats, Ints, Record, intervals


def range_f1(records: Iterable[Record]) -> float:
    """Return the harmonic mean of range-based precision and recall over the events and alarms of all records.

    Returns:
        0 where there are events or alarms but none overlap, NaN where there are neither.
    """
    recalled: list[Floats] = []
    precise: list[Floats] = []
    for record in records:
        recalled.append(_worth(intervals(record.truth), record.alarm))
        precise.append(_worth(intervals(record.alarm), record.truth))
    recall, precision = np.concatenate([*recalled, []]), np.concatenate([*precise, []])
    if not len(recall) and not len(precision):
        return math.nan
    r, p = (float(part.mean()) if len(part) else 0.0 for part in (recall, precision))
    return 2 * r * p / (r + p) if r + p else 0.0


def _worth(ranges: Ints, other: Bools) -> Floats:
    """Return for each range the share of it that *other* covers, divided by the pieces that cover it."""
    return np.array([other[first:end].mean() / max(1, len(intervals(other[first:end]))) for first, end in ranges])
