"""Windows as short series: which features are the means of a window's equal parts.

Sequence models take a window as means of its parts (kind `lagged_means` of the feature definition), flattened by tag
and part, oldest first: ``<tag>_mean_<part>of<parts>``. Other features of the definition are not part of the series.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from andon.errors import TrainingError
from services.trainer.scaling import Int64, Scaling

_NAME = re.compile(r"(?P<tag>.+)_mean_(?P<part>\d+)of(?P<parts>\d+)")
#: Fewer parts are no series.
FEWEST_PARTS = 4


def series_of(names: Sequence[str], scaling: Scaling) -> Int64:
    """Return the columns ``[tags, parts]`` of the series in windows; tags with an unusable part are left out.

    Raises:
        TrainingError: the features hold no series, or a shorter one than `FEWEST_PARTS`, or no tag of it moves.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for column, name in enumerate(names):
        if match := _NAME.fullmatch(name):
            found.setdefault((match["tag"], match["parts"]), []).append(column)
    lengths = {len(columns) for columns in found.values()}
    if len(lengths) != 1 or min(lengths) < FEWEST_PARTS:
        raise TrainingError(
            f"sequence models need the means of at least {FEWEST_PARTS} equal parts of each window, the same number "
            "for all tags: add `lagged_means` to the features of the class, or take another family"
        )
    usable = [columns for columns in found.values() if scaling.used[columns].all()]
    if not usable:
        raise TrainingError("no tag of the series moved in the normal period: record the machine while it runs")
    return np.array(usable, np.int64)
