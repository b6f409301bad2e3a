"""A loaded model at work: which windows it may judge, and what it says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from andon.clock import SECOND
from andon.contracts import Decision
from andon.models import Bundle, Explainer, Scorer, Scores
from andon.models.explain import CONTRIBUTION
from andon.models.thresholds import window_thresholds
from andon.plant import AssetClass
from services.inference.abstention import Abstention
from services.inference.scatter import empty_lists, scatter_lists
from services.inference.windows import Float64, Mask, Windows

_DECISIONS = pl.Series("decision", [Decision.NORMAL.value, Decision.ANOMALY.value, Decision.ABSTAIN.value])
_NORMAL, _ANOMALY, _ABSTAIN = range(3)
_NO_REASON = pl.Series("reason", [None], dtype=pl.String)
_NO_SCORE = pl.Series("score", [None], dtype=pl.Float64)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What is said of n windows; columns of `andon.contracts.Inference`."""

    decision: pl.Series
    reason: pl.Series
    score: pl.Series
    threshold: pl.Series
    contributions: pl.Series


class Model(Protocol):
    """A model, or what stands in for one."""

    def judge(self, windows: Windows) -> Verdicts:
        """Return what it says of each window; an abstention has a reason and no score."""
        ...


class NoModel:
    """Stands where no model can be used, and abstains from every window for the same reason.

    Args:
        code: the reason.
        detail: the reason in words.
        threshold: of the model that cannot be used; None where there is none.
    """

    def __init__(self, code: Abstention, detail: str, threshold: float | None = None) -> None:
        self._reason = pl.Series("reason", [f"{code}: {detail}"])
        self._threshold = pl.Series("threshold", [threshold], dtype=pl.Float64)

    def judge(self, windows: Windows) -> Verdicts:
        """Return what `Model.judge` does."""
        count = windows.height
        return Verdicts(
            decision=_DECISIONS[_ABSTAIN:].new_from_index(0, count),
            reason=self._reason.new_from_index(0, count),
            score=_NO_SCORE.new_from_index(0, count),
            threshold=self._threshold.new_from_index(0, count),
            contributions=_no_contributions(count),
        )


class ServedModel:
    """One model of an asset class, for vectors of the definition that it learned from.

    It abstains where it cannot be trusted; `Abstention` has the codes.
    """

    def __init__(self, bundle: Bundle, asset_class: AssetClass, *, threads: int, top: int) -> None:
        facts, spec = bundle.manifest, asset_class.model
        self._facts = facts
        # Windows that hold an alert open need reasons as much as those that open it.
        self._calm = 1 - spec.hysteresis
        used = [name not in facts.training.excluded_features for name in facts.features]
        self._used = np.flatnonzero(used)
        self._trust = _Trust.of(bundle, asset_class)
        self._scorer = Scorer(bundle.onnx, features=len(facts.features), threads=threads)
        units = {name: tag.unit for name, tag in asset_class.tags.items()}
        self._explainer = Explainer(facts, units=units, top=top)

    def judge(self, windows: Windows) -> Verdicts:
        """Return what `Model.judge` does.

        Contributions are given for scores above the threshold less the class's hysteresis, so for all windows that
        can open an alert or hold it open; for the rest the list is empty. This depends on the window alone, so a
        replay names the same reasons.
        """
        scores = self._scorer.score(windows.matrix)
        score = scores.score.astype(np.float64)
        threshold = window_thresholds(self._facts, windows.rows)
        reason, doubted = self._trust.doubts(windows, self._blind(windows), score)
        decision = np.where(doubted, _ABSTAIN, np.where(score > threshold, _ANOMALY, _NORMAL))
        return Verdicts(
            decision=_DECISIONS[decision],
            reason=reason,
            score=pl.Series("score", np.where(doubted, np.nan, score), nan_to_null=True),
            threshold=pl.Series("threshold", threshold),
            contributions=self._reasons(windows, scores, ~doubted & (score > threshold * self._calm)),
        )

    def _blind(self, windows: Windows) -> Mask:
        """Return which windows have no value of what the model looks at."""
        blind: Mask = np.isnan(windows.matrix[:, self._used[0]])
        if blind.any():  # of the few that lack the first of these features, which lack all
            blind[blind] = np.isnan(windows.matrix[blind][:, self._used]).all(axis=1)
        return blind

    def _reasons(self, windows: Windows, scores: Scores, telling: Mask) -> pl.Series:
        """Return the column `contributions`, with lists in the rows that *telling* marks."""
        if not telling.any():
            return _no_contributions(windows.height)
        # Values for people come from the vector itself, not from the graph's rounded input.
        chosen = Scores(scores.score[telling], scores.contributions[telling])
        return scatter_lists(self._explainer.explain(windows.values[telling], chosen), telling)


def _no_contributions(count: int) -> pl.Series:
    return empty_lists("contributions", pl.List(CONTRIBUTION), count)


@dataclass(frozen=True, slots=True)
class _Trust:
    """What a window must be for its score to be believed.

    Attributes:
        definition: hash of the feature definition.
        min_good_ratio: smallest share of good samples.
        max_lag: longest lag of a live window, microseconds.
    """

    definition: str
    min_good_ratio: float
    max_lag: int

    @classmethod
    def of(cls, bundle: Bundle, asset_class: AssetClass) -> _Trust:
        """Return what a model of *asset_class* needs."""
        spec, features = asset_class.model, asset_class.features
        return cls(
            definition=bundle.manifest.feature_hash,
            # A plant may ask for more than the model was validated with, never for less.
            min_good_ratio=max(bundle.manifest.min_good_ratio, spec.min_good_ratio),
            max_lag=spec.stale_after + features.lateness + features.idle,
        )

    def doubts(self, windows: Windows, is_blind: Mask, score: Float64) -> tuple[pl.Series, Mask]:
        """Return the column `reason`, null where there is no doubt, and which windows are in doubt."""
        rows = windows.rows
        found: dict[Abstention, NDArray[np.bool_]] = {
            Abstention.FEATURE_HASH: (rows["definition"] != self.definition).to_numpy(),
            Abstention.STALE_FEATURES: windows.are_late(self.max_lag),
            Abstention.INSUFFICIENT_GOOD_SAMPLES: (rows["good_ratio"].to_numpy() < self.min_good_ratio) | is_blind,
            Abstention.SCORE_NOT_FINITE: ~np.isfinite(score),
        }
        doubted = np.logical_or.reduce(list(found.values()))
        if not doubted.any():
            return _NO_REASON.new_from_index(0, windows.height), doubted
        marked = rows.select("definition", "good_ratio").with_columns(
            lag=pl.Series(windows.lag), **{code: pl.Series(mask) for code, mask in found.items()}
        )
        return marked.select(self._reason()).to_series(), doubted

    def _reason(self) -> pl.Expr:
        """Return the reason in words, the gravest first, over columns definition, good_ratio, lag and a mask a code."""
        good_ratio, lag = pl.col("good_ratio"), (pl.col("lag") / SECOND).round(1)
        other = f"the model takes vectors of definition {self.definition}, this is one of {{}}"
        late = f"the window ended {{}} s before its data came in, at most {self.max_lag / SECOND:g} s are allowed"
        few = f"good_ratio {{}} is below {self.min_good_ratio:g}"
        texts = {
            Abstention.FEATURE_HASH: pl.format(other, "definition"),
            Abstention.STALE_FEATURES: pl.format(late, lag),
            Abstention.INSUFFICIENT_GOOD_SAMPLES: pl.when(good_ratio < self.min_good_ratio)
            .then(pl.format(few, good_ratio.round(3)))
            .otherwise(pl.lit("no feature that the model looks at has a value")),
            Abstention.SCORE_NOT_FINITE: pl.lit("the model's graph returned no number"),
        }
        reasons = (pl.when(code).then(pl.lit(f"{code}: ") + text) for code, text in texts.items())
        return pl.coalesce(list(reasons)).alias("reason")
