"""From a score's parts to the few features that a person should look at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.models.manifest import ModelFacts
from andon.models.scorer import Scores

#: Element of the column that `Explainer.explain` makes: `andon.contracts.Contribution`, one field a column.
CONTRIBUTION = pl.Struct(
    {
        "feature": pl.String,
        "tag": pl.String,
        "share": pl.Float64,
        "value": pl.Float64,
        "normal": pl.Float64,
        "deviation": pl.Float64,
    }
)


class Explainer:
    """Ranks the features of scored windows by how much of the score each accounts for."""

    def __init__(self, facts: ModelFacts, *, top: int = 5) -> None:
        """Prepare for one model.

        Args:
            facts: gives feature names, their tags and what is normal for them.
            top: most features to name for a window.
        """
        profiles = [facts.reference.features[name] for name in facts.features]
        self._names = pl.Series(facts.features, dtype=pl.String)
        self._tags = pl.Series(facts.tags, dtype=pl.String)
        self._normal = _column(profile.mean for profile in profiles)
        self._spread = _column(profile.std for profile in profiles)
        self._top = min(top, len(facts.features))

    def explain(self, values: NDArray[np.float64], scores: Scores) -> pl.Series:
        """Return for each window its main features, largest share first, as a list of `CONTRIBUTION`.

        Only features that raise the score are named; one that is missing from the window adds nothing
        to the score and so is not among them.

        Args:
            values: ``[n, d]`` raw feature values, NaN where missing.
            scores: what the model said of the same windows.
        """
        ranked = np.argsort(-scores.contributions, axis=1, kind="stable")[:, : self._top]
        columns = ranked.ravel()
        value = np.take_along_axis(values, ranked, axis=1).ravel()
        part = np.take_along_axis(scores.contributions, ranked, axis=1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):  # rows and features that are dropped below
            share = (part / scores.score[:, None]).ravel()
            deviation = (value - self._normal[columns]) / self._spread[columns]
        entries = pl.DataFrame(
            {
                "feature": self._names.gather(columns),
                "tag": self._tags.gather(columns),
                "share": share,
                "value": value,
                "normal": self._normal[columns],
                "deviation": deviation,
            }
        ).to_struct("contributions")
        lists = entries.reshape((len(values), self._top)).arr.to_list().list
        field = pl.element().struct.field
        return lists.filter((field("share") > 0) & field("deviation").is_finite())


def _column(numbers: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
