"""Go or no go on a labelled recording: each model by what its use case asks, and against the champion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from andon.errors import TrainingError
from andon.evaluation.report import Judgement
from andon.features.inputs import no_context
from andon.models import Bundle, Criterion, Verdict
from andon.plant import AssetClass, Criteria
from services.trainer.acceptance import Shown, against, asked_for, parity_kept, shown_by
from services.trainer.dataset import inspect_frames
from services.trainer.datasets.build import check_parity
from services.trainer.evaluate import Case, labelled_vectors
from services.trainer.verdict import size_kept

_WHERE = "the recording"


def judge_models(
    case: Case, bundles: Sequence[Bundle], criteria: Criteria, champion: Bundle | None = None
) -> list[Judgement]:
    """Return the verdict on each model of a class, by the windows of a labelled recording.

    Args:
        case: the recording; `services.trainer.evaluate.evaluate` says what it must hold.
        bundles: the models.
        criteria: what the use case asks.
        champion: the model to beat, of the same class; it is judged on windows of its own feature definition. None
            compares with none.

    Raises:
        TrainingError: the champion is of another class, or needs tags that the class does not have.
    """
    vectors = labelled_vectors(case.frames, case)
    parity = parity_kept(check_parity(vectors, _judged_frames(case.frames, case.asset_class), case.asset_class))
    rival = None if champion is None else (_rival(champion, case), champion)
    return [_judged(each, vectors, case, criteria, parity, rival) for each in bundles]


def _judged(
    bundle: Bundle,
    vectors: pl.DataFrame,
    case: Case,
    criteria: Criteria,
    parity: Criterion,
    rival: tuple[Shown, Bundle] | None,
) -> Judgement:
    shown = shown_by(bundle, vectors, case.asset_class, _WHERE)

    def found() -> Iterator[Criterion]:
        yield size_kept(len(bundle.onnx), criteria.max_size_mib)
        yield parity
        yield from asked_for(bundle, vectors, shown, criteria)
        if rival is not None:
            yield from against(shown, *rival)

    name = f"{bundle.manifest.family} {bundle.ref.version}"
    return Judgement(name, Verdict(criteria=tuple(found())), bundle.manifest.card)


def _rival(champion: Bundle, case: Case) -> Shown:
    """Return what the champion shows on the same recording, through the windows that it learned from."""
    definition = champion.manifest.feature_definition
    if lacking := set(definition.tags) - set(case.asset_class.tags):
        raise TrainingError(
            f"champion {champion.ref.name} {champion.ref.version} looks at {', '.join(sorted(lacking))}, which the "
            "class does not have: name a model of this class"
        )
    own = replace(case, asset_class=case.asset_class.model_copy(update={"features": definition}))
    return shown_by(champion, labelled_vectors(own.frames, own), own.asset_class, _WHERE)


def _judged_frames(frames: pl.DataFrame, asset_class: AssetClass) -> pl.DataFrame:
    """Return recorded frames as the context stage sends them where nobody tells any context."""
    frames = frames.sort("time", maintain_order=True)
    inspected = inspect_frames(frames, asset_class)
    values = inspected.values.to_struct("values")
    return frames.select("asset", "time", values, inspected.quality, no_context(frames.height))
