"""A loaded model at work: which windows it may judge, and what it says of them."""

from __future__ import annotations

import numpy as np
import polars as pl

from andon.models import Bundle, Explainer, Scorer, Scores
from andon.models.explain import CONTRIBUTION
from andon.plant.model import ModelSpec
from services.inference.scatter import scatter_lists


class ServedModel:
    """One asset class's model, for vectors of the definition that it learned from.

    It abstains, with a reason that begins with a stable code, where it cannot be trusted:

    - ``feature_hash``: the vector was made by another feature definition than the model learned from;
    - ``insufficient_good_samples``: too few good samples were in the window, or none of what the model looks at;
    - ``score_not_finite``: the graph returned no number.
    """

    def __init__(self, bundle: Bundle, spec: ModelSpec, *, threads: int, top: int) -> None:
        facts = bundle.manifest
        self._features = facts.features
        # Windows that hold an alert open need reasons as much as those that open it.
        self._explain_above = facts.threshold * (1 - spec.hysteresis)
        self._used = np.array([name not in facts.training.excluded_features for name in facts.features])
        # A plant may ask for more than the model was validated with, never for less.
        self._reason = _why_not(facts.feature_hash, max(facts.min_good_ratio, spec.min_good_ratio))
        self._scorer = Scorer(bundle.onnx, features=len(facts.features), threads=threads)
        self._explainer = Explainer(facts, top=top)

    def judge(self, rows: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
        """Return `reason`, `score` and `contributions` of each window; the score is null where there is a reason.

        Contributions are given for scores above the threshold less the class's hysteresis, so for all windows that
        can open an alert or hold it open; for the rest the list is empty. This depends on the window alone, so a
        replay names the same reasons.

        Args:
            rows: columns `definition` and `good_ratio`, one row a window.
            features: the windows' features, one Float64 column each.
        """
        columns = features.select(self._features)
        matrix = columns.cast(pl.Float32).to_numpy(order="c")
        scores = self._scorer.score(matrix)
        verdicts = rows.select(
            "definition",
            "good_ratio",
            pl.Series("is_blind", np.isnan(matrix)[:, self._used].all(axis=1)),
            pl.Series("score", scores.score.astype(np.float64)),
        ).select(self._reason, pl.when(self._reason.is_null()).then("score").alias("score"))
        telling = verdicts.select((pl.col("score") > self._explain_above).fill_null(False)).to_series()
        return verdicts.with_columns(self._reasons(columns, scores, telling))

    def _reasons(self, features: pl.DataFrame, scores: Scores, telling: pl.Series) -> pl.Series:
        """Return the column `contributions`, with lists in the rows that *telling* marks."""
        if not telling.any():
            return scatter_lists(pl.Series("contributions", [], dtype=pl.List(CONTRIBUTION)), telling)
        chosen = telling.to_numpy()
        # Values for people come from the vector itself, not from the graph's rounded input.
        values = features.filter(telling).to_numpy(order="c")
        lists = self._explainer.explain(values, Scores(scores.score[chosen], scores.contributions[chosen]))
        return scatter_lists(lists, telling)


class NoModel:
    """Stands where no model can be used, and abstains from every window for the same reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def judge(self, rows: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
        """Return the columns that `ServedModel.judge` does, without any score."""
        return pl.select(
            pl.repeat(self._reason, rows.height, dtype=pl.String).alias("reason"),
            pl.repeat(None, rows.height, dtype=pl.Float64).alias("score"),
            pl.Series("contributions", [[]], dtype=pl.List(CONTRIBUTION)).new_from_index(0, rows.height),
        )


def _why_not(learned: str, min_good_ratio: float) -> pl.Expr:
    """Return why the model must not judge a window, or null; over columns definition, good_ratio, is_blind, score."""
    definition, good_ratio = pl.col("definition"), pl.col("good_ratio")
    other = f"feature_hash: the model takes vectors of definition {learned}, this is one of {{}}"
    few = f"insufficient_good_samples: good_ratio {{}} is below {min_good_ratio:g}"
    none = "insufficient_good_samples: no feature that the model looks at has a value"
    return (
        pl.when(definition != learned)
        .then(pl.format(other, definition))
        .when(good_ratio < min_good_ratio)
        .then(pl.format(few, good_ratio.round(3)))
        .when(pl.col("is_blind"))
        .then(pl.lit(none))
        .when(~pl.col("score").is_finite())
        .then(pl.lit("score_not_finite: the model's graph returned no number"))
        .alias("reason")
    )
