"""From a score's parts to the few features that a person should look at.

A feature's share is the model's own decomposition of its score: for PCA z_i (W z)_i (partial decomposition, Alcala and
Qin 2011), for an auto-encoder the squared residual. It is not the same as occlusion, the fall of the score when that
feature alone is put back to normal: for z' W z this is 2 z_i (W z)_i - W_ii z_i^2, so that the two agree where features
are independent, and what features share counts more than once where they are not. The decomposition costs nothing
beside the score and adds up to it; how far the two agree is tested, and told in docs/inference.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.features.wording import difference_in_words, feature_in_words
from andon.models.manifest import ModelFacts
from andon.models.scorer import Scores
from andon.words import unit_in_words

#: Features of a window that are told in words.
TOLD = 3

#: Element of the column that `Explainer.explain` makes: `andon.contracts.Contribution`, one field a column.
CONTRIBUTION = pl.Struct(
    {
        "feature": pl.String,
        "tag": pl.String,
        "share": pl.Float64,
        "value": pl.Float64,
        "normal": pl.Float64,
        "deviation": pl.Float64,
        "difference": pl.Float64,
        "unit": pl.String,
        "words": pl.String,
    }
)
_FIELDS = [field.name for field in CONTRIBUTION.fields]


class Explainer:
    """Ranks the features of scored windows by how much of the score each accounts for."""

    def __init__(
        self, facts: ModelFacts, *, units: Mapping[str, str | None] = MappingProxyType({}), top: int = 5
    ) -> None:
        """Prepare for one model.

        Args:
            facts: gives feature names, their tags and what is normal for them.
            units: tag to its unit, as in the plant model.
            top: most features to name for a window.
        """
        profiles = [facts.reference.features[name] for name in facts.features]
        aggregates = [name.removeprefix(f"{tag}_") for name, tag in zip(facts.features, facts.tags, strict=True)]
        known = list(zip(facts.tags, aggregates, strict=True))
        unit = [feature.unit(units) for feature in facts.feature_definition.features]
        texts = {"feature": facts.features, "tag": facts.tags, "unit": unit}
        self._about = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))
        self._spoken = [
            (feature_in_words(tag, each), unit_in_words(own)) for (tag, each), own in zip(known, unit, strict=True)
        ]
        self._normal = _column(profile.mean for profile in profiles)
        self._spread = _column(profile.std for profile in profiles)
        self._top = min(top, len(facts.features))

    def explain(self, values: NDArray[np.float64], scores: Scores) -> pl.Series:
        """Return for each window its main features, largest share first, as a list of `CONTRIBUTION`.

        Only features that raise the score are named; one that is missing from the window adds nothing
        to the score and so is not among them. The first `TOLD` are told in words.

        Args:
            values: ``[n, d]`` raw feature values, NaN where missing.
            scores: what the model said of the same windows.
        """
        ranked = np.argsort(-scores.contributions, axis=1, kind="stable")[:, : self._top]
        columns = ranked.ravel()
        value = np.take_along_axis(values, ranked, axis=1).ravel()
        part = np.take_along_axis(scores.contributions, ranked, axis=1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # rows and features that are dropped below
            share = (part / scores.score[:, None]).ravel()
            difference = value - self._normal[columns]
            deviation = difference / self._spread[columns]
        named = (share > 0) & np.isfinite(deviation)
        told = named & np.tile(np.arange(self._top) < TOLD, len(values))
        numbers = {
            "share": np.where(named, share, np.nan),
            "value": value,
            "normal": self._normal[columns],
            "deviation": deviation,
            "difference": difference,
        }
        words = self._words(columns, difference, deviation, told)
        entries = self._about[columns].hstack([*(pl.Series(name, column) for name, column in numbers.items()), words])
        lists = (
            entries[_FIELDS].to_struct("contributions").reshape((len(values), self._top)).cast(pl.List(CONTRIBUTION))
        )
        return lists if named.all() else lists.list.filter(pl.element().struct.field("share").is_not_nan())

    def _words(
        self,
        columns: NDArray[np.intp],
        difference: NDArray[np.float64],
        deviation: NDArray[np.float64],
        told: NDArray[np.bool_],
    ) -> pl.Series:
        # per-event Python: numbers as people read them; of windows that may alert only, two microseconds a feature
        words: list[str | None] = [None] * len(columns)
        rows = np.flatnonzero(told)
        numbers = zip(rows, columns[rows], difference[rows].tolist(), deviation[rows].tolist(), strict=True)
        for row, column, off, deviations in numbers:
            name, unit = self._spoken[column]
            words[row] = difference_in_words(name, off, unit, deviations)
        return pl.Series("words", words, dtype=pl.String)


def _column(numbers: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
