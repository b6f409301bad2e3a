"""Models judged on a labelled recording: the windows that production would make, the verdicts that it would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from andon.clock import SECOND
from andon.errors import TrainingError
from andon.evaluation import Figures, Record, figures, intervals
from andon.evaluation.report import Promise, Report
from andon.evaluation.trivial import always, at_random, persistence
from andon.features import Aggregate
from andon.features.regime import regimes
from andon.models import Bundle, Scorer
from andon.models.thresholds import window_thresholds
from andon.plant import AssetClass
from services.trainer.budget import WEEK
from services.trainer.dataset import offline_vectors
from services.trainer.robustness import robustness
from services.trainer.threshold import sustained_scores
from services.trainer.train import feature_matrix

#: Windows by which an alarm may be early or late at little cost in VUS-PR.
BUFFER = 30


@dataclass(frozen=True, slots=True)
class Case:
    """What a class's models are judged on.

    Attributes:
        asset_class: its definition.
        frames: asset, time, values and perhaps status, as recorded.
        truth: asset, time and `abnormal` (Boolean), as recorded.
    """

    asset_class: AssetClass
    frames: pl.DataFrame
    truth: pl.DataFrame

    @property
    def spoiled(self) -> tuple[str, ...]:
        """The number tags that features are made of, which robustness is tried with."""
        inputs = self.asset_class.feature_definition.inputs
        return tuple(tag for tag in self.asset_class.numeric_tags if tag in inputs)

    @property
    def step(self) -> float:
        """Seconds between windows."""
        return self.asset_class.feature_definition.step / SECOND


def evaluate(case: Case, bundles: Sequence[Bundle], title: str) -> Report:
    """Judge the models of a class, and the trivial detectors beside them.

    Args:
        case: a labelled recording.
        bundles: models of the class, at least one; the first is drawn and tried with spoiled data.
        title: of the report.

    Raises:
        TrainingError: the recording gives no window, its truth knows one class only, or a model is of another feature
            definition than the class.
    """
    vectors = labelled_vectors(case.frames, case)
    _check(case, vectors, bundles)
    judged = {
        f"{bundle.manifest.family} {bundle.ref.version}": verdicts(vectors, bundle, case.asset_class)
        for bundle in bundles
    }

    def judged_again(frames: pl.DataFrame) -> Figures:
        return _figures("", verdicts(labelled_vectors(frames, case), bundles[0], case.asset_class), case)

    rows = [_figures(name, records, case) for name, records in judged.items()]
    promises = [
        promise
        for (name, records), bundle in zip(judged.items(), bundles, strict=True)
        for promise in promises_of(name, bundle, records, vectors)
    ]
    return Report(
        title=title,
        facts=_facts(case, vectors),
        figures=rows,
        trivial=[_figures(name, records, case) for name, records in _trivial(vectors, case, rows[0].far)],
        promises=promises,
        records=next(iter(judged.values())),
        robustness=robustness(case.frames, case.spoiled, judged_again),
        step=case.step,
    )


def labelled_vectors(frames: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Return the feature vectors of frames with `abnormal`: the truth of the last frame in each window."""
    vectors = offline_vectors(frames, case.asset_class).with_columns(last=pl.col("time") - 1).sort("last")
    truth = case.truth.select("asset", "time", "abnormal").sort("time")
    found = vectors.join_asof(truth, left_on="last", right_on="time", by="asset", check_sortedness=False)
    return found.drop("last", "time_right", strict=False).sort("asset", "time")


def verdicts(vectors: pl.DataFrame, bundle: Bundle, asset_class: AssetClass) -> dict[str, Record]:
    """Return what a model says of each asset's windows; scores are in units of its threshold.

    A window of too few good samples has no verdict: score 0. An alarm needs windows above the threshold for the class's
    `open_after` without a break, as an alert does.
    """
    manifest = bundle.manifest
    scorer = Scorer(bundle.onnx, features=len(manifest.features), threads=1)
    thresholds = window_thresholds(manifest, vectors)
    score = scorer.score(feature_matrix(vectors, manifest.features).astype(np.float32)).score / thresholds
    usable = (vectors["good_ratio"].to_numpy() >= manifest.min_good_ratio) & np.isfinite(score)
    scored = vectors.select(
        "asset", "time", "abnormal", score=pl.Series(np.where(usable, score, 0.0), dtype=pl.Float64)
    )
    definition = manifest.feature_definition
    lasting = sustained_scores(scored, asset_class.model.open_after, definition.step)
    joined = scored.join(lasting.rename({"score": "lasting"}), on=["asset", "time"], how="left")
    return {
        str(asset): Record(rows["abnormal"].to_numpy(), rows["score"].to_numpy(), (rows["lasting"] > 1).to_numpy())
        for (asset,), rows in joined.fill_null(0).group_by("asset", maintain_order=True)
    }


def _check(case: Case, vectors: pl.DataFrame, bundles: Sequence[Bundle]) -> None:
    if vectors.is_empty():
        raise TrainingError(
            "the recording gives no window: it holds no frame of the class, or is shorter than a window"
        )
    if unknown := vectors["abnormal"].null_count():
        raise TrainingError(f"{unknown} windows have no truth: the labels begin later than the frames of their asset")
    if vectors["abnormal"].n_unique() < 2:
        only = "abnormal" if vectors["abnormal"][0] else "normal"
        raise TrainingError(
            f"all {vectors.height} windows are {only} by their labels: neither misses nor false alarms can be counted. "
            "Evaluate on a recording with both, and check `labels` of the mapping"
        )
    for bundle in bundles:
        if bundle.manifest.feature_hash != case.asset_class.feature_definition.hash:
            raise TrainingError(
                f"model {bundle.ref.name} {bundle.ref.version} is of another feature definition than the class has: "
                "train it again, or take the plant model that it was trained with"
            )


def _figures(name: str, records: Mapping[str, Record], case: Case) -> Figures:
    return figures(name, list(records.values()), step=case.step, buffer=BUFFER)


def promises_of(name: str, bundle: Bundle, records: Mapping[str, Record], vectors: pl.DataFrame) -> Iterator[Promise]:
    """Yield what a model promised of false alarms beside what it did: in all, and in each regime it tells apart.

    Args:
        name: of the model.
        bundle: the model.
        records: what it said of each asset's windows.
        vectors: those windows, by asset and time.
    """
    facts = bundle.manifest.training
    weekly = facts.false_alarms_per_week
    promised = f"{facts.false_alarm_rate:.2%} of windows" if weekly is None else f"at most {weekly:g} a week"
    definition = bundle.manifest.feature_definition
    told = vectors["regime"] if "regime" in vectors.columns else regimes(vectors, definition)
    normal = _normal_windows(records, vectors.select("asset", told))
    weeks = definition.step / WEEK
    yield _promise(name, promised, normal, weeks)
    if bundle.manifest.regime_thresholds:
        for (regime,), rows in normal.group_by("regime", maintain_order=True):
            yield _promise(f"{name}, {regime or 'regime unknown'}", promised, rows, weeks)


def _normal_windows(records: Mapping[str, Record], windows: pl.DataFrame) -> pl.DataFrame:
    """Return regime, `alarm` and `began` (whether an alarm begins there) of normal windows."""
    parts = []
    for (asset,), rows in windows.group_by("asset", maintain_order=True):
        record = records[str(asset)]
        began = np.zeros(len(record.alarm), np.bool_)
        began[intervals(record.alarm)[:, 0]] = True
        parts.append(rows.select("regime", alarm=record.alarm, began=began).filter(~record.truth))
    return pl.concat(parts)


def _promise(name: str, promised: str, normal: pl.DataFrame, weeks: float) -> Promise:
    alarms, flagged = normal.select(pl.col("began").sum(), pl.col("alarm").mean()).row(0)
    return Promise(name, promised, alarms / (normal.height * weeks), flagged)


def _trivial(vectors: pl.DataFrame, case: Case, far: float) -> Iterator[tuple[str, dict[str, Record]]]:
    """Yield the trivial detectors; the random one flags as many windows as the first model does of the normal ones."""
    random = np.random.default_rng(0)
    means = [f"{tag}_{Aggregate.MEAN}" for tag in case.asset_class.feature_definition.tags]
    columns = [name for name in means if name in vectors["features"].struct.fields] or vectors["features"].struct.fields
    normal = feature_matrix(vectors.filter(~pl.col("abnormal")), tuple(columns))
    assets = {str(asset): rows for (asset,), rows in vectors.group_by("asset", maintain_order=True)}
    truth = {asset: rows["abnormal"].to_numpy() for asset, rows in assets.items()}
    values = {asset: feature_matrix(rows, tuple(columns)) for asset, rows in assets.items()}
    yield "always on", {asset: always(each) for asset, each in truth.items()}
    yield "at random", {asset: at_random(each, far, random) for asset, each in truth.items()}
    yield "persistence", {asset: persistence(each, values[asset], normal) for asset, each in truth.items()}


def _facts(case: Case, vectors: pl.DataFrame) -> list[str]:
    definition = case.asset_class.feature_definition
    abnormal = int(vectors["abnormal"].sum())
    return [
        f"{vectors.height:,} windows of {vectors['asset'].n_unique()} assets, {definition.window / SECOND:g} s each, "
        f"one every {case.step:g} s; {abnormal:,} of them abnormal. A window's truth is that of its last sample.",
        "Causal: each verdict depends on its window only, made by the code that makes it in production. No point "
        "adjustment. The trivial detectors know nothing; who does not beat them has detected nothing.",
    ]
