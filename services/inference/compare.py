"""How often models agree, what verdicts and scores there are: what is counted of the inference stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from andon.contracts import Decision
from andon.stream import Count, Result
from andon.stream.stage import FIRST_OFFSET

#: Outcomes of a comparison; labels of ``andon_model_comparisons_total``.
AGREE, CHAMPION_ONLY, CHALLENGER_ONLY, ABSTAINED = "agree", "champion_only", "challenger_only", "abstained"
#: Who watches a window outside a limit: its limits alone, or a model, too; labels of ``andon_limit_violations_total``.
WATCHES = ("limits", "model")
#: Upper ends of the bands of ``andon_scores_total``, in thresholds; above the last one there is one more band.
BANDS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
_BAND_ENDS = pl.Series(BANDS)
_BAND_NAMES = pl.Series([*(f"{band:g}" for band in BANDS), "+Inf"])


def count_verdicts(asset_class: str, result: Result) -> Iterator[Count]:
    """Count a result's verdicts, reasons to abstain, scores and broken limits by role, and how models compare."""
    frames = [emit.rows for emit in result.emits if emit.rows.height]
    for frame in frames:
        yield from _decisions(asset_class, frame)
        yield from _abstentions(asset_class, frame)
        yield from _scores(asset_class, frame)
        yield from _violations(asset_class, frame)
    yield from _comparisons(asset_class, frames)


def _decisions(asset_class: str, frame: pl.DataFrame) -> Iterator[Count]:
    for role, decision, amount in frame.group_by("role", "decision").len().iter_rows():
        yield Count("andon_inferences_total", {"asset_class": asset_class, "role": role, "decision": decision}, amount)


def _abstentions(asset_class: str, frame: pl.DataFrame) -> Iterator[Count]:
    if frame["reason"].null_count() == frame.height:
        return
    code = pl.col("reason").str.split(":").list.first()
    for role, reason, amount in frame.drop_nulls("reason").group_by("role", code).len().iter_rows():
        yield Count("andon_abstentions_total", {"asset_class": asset_class, "role": role, "reason": reason}, amount)


def _scores(asset_class: str, frame: pl.DataFrame) -> Iterator[Count]:
    scored = frame.select("role", relative=pl.col("score") / pl.col("threshold")).drop_nulls()
    band = _BAND_NAMES.gather(_BAND_ENDS.search_sorted(scored["relative"], side="left")).alias("band")
    for role, name, amount in scored.group_by("role", band).len().iter_rows():
        yield Count("andon_scores_total", {"asset_class": asset_class, "role": role, "band": name}, amount)


def _violations(asset_class: str, frame: pl.DataFrame) -> Iterator[Count]:
    broken = frame["limit_violations"].list.len() > 0
    if not broken.any():
        return
    alone = frame["decision"].filter(broken) == Decision.ABSTAIN.value
    for watch, amount in zip(WATCHES, (int(alone.sum()), int((~alone).sum())), strict=True):
        if amount:
            yield Count("andon_limit_violations_total", {"asset_class": asset_class, "watch": watch}, amount)


def _comparisons(asset_class: str, frames: Sequence[pl.DataFrame]) -> Iterator[Count]:
    """Compare the production model with each other one on the windows that both have judged."""
    if len(frames) < 2 or frames[0]["role"][0] == "canary" or frames[0]["model"][0] is None:
        return
    champion, *challengers = frames
    for challenger in challengers:
        labels = {"champion": _version(champion), "challenger": _version(challenger)}
        for outcome, amount in _outcomes(champion, challenger).iter_rows():
            labelled = {"asset_class": asset_class, **labels, "outcome": outcome}
            yield Count("andon_model_comparisons_total", labelled, amount)


def _outcomes(champion: pl.DataFrame, challenger: pl.DataFrame) -> pl.DataFrame:
    """Return columns outcome and its number of windows."""
    both = champion.select(FIRST_OFFSET, "decision").join(
        challenger.select(FIRST_OFFSET, other="decision"), on=FIRST_OFFSET
    )
    ours, theirs = pl.col("decision"), pl.col("other")
    outcome = (
        pl.when((ours == Decision.ABSTAIN.value) | (theirs == Decision.ABSTAIN.value))
        .then(pl.lit(ABSTAINED))
        .when(ours == theirs)
        .then(pl.lit(AGREE))
        .when(ours == Decision.ANOMALY.value)
        .then(pl.lit(CHAMPION_ONLY))
        .otherwise(pl.lit(CHALLENGER_ONLY))
    )
    return both.group_by(outcome.alias("outcome")).len()


def _version(frame: pl.DataFrame) -> str:
    return str(frame["model"][0]["version"])
