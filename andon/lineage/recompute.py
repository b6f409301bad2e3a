"""A decision once more, from its raw frames: by the code that made it, offline. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from andon.contracts import ContextFrame, Frame
from andon.features.compute import windows
from andon.features.inputs import judged_inputs
from andon.lineage.chain import Chain, Link
from andon.models import Bundle, Scorer
from andon.plant import AssetClass, Plant
from andon.plant.columns import event_schema
from andon.quality import Arrivals, Inspector

#: Largest relative difference that still agrees: features travel as JSON, which keeps all digits, scores are float32.
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a recomputation says.

    Attributes:
        agrees: whether all is as it was.
        findings: what differs, or why it could not be recomputed, a sentence each.
        features: how many features were compared.
        score: the score now; None where no model could be asked.
    """

    agrees: bool
    findings: Sequence[str]
    features: int = 0
    score: float | None = None


def recompute(chain: Chain, others: Sequence[Link], plant: Plant, bundle: Bundle | None) -> Agreement:
    """Compute a chain's window and score again from its raw frames, and compare.

    Args:
        chain: with its feature vector and raw frames.
        others: raw frames of the asset that came before the chain's last and are not its own: rules need the past.
        plant: the plant model; must be the one that was applied then.
        bundle: the model that spoke; None compares the features only.
    """
    problems = [*chain.gaps, *_unfit(chain, plant, bundle)]
    if problems or chain.feature is None:
        return Agreement(agrees=False, findings=problems or ["there is no feature vector to compare with"])
    asset_class = plant.classes[chain.feature.event["asset_class"]]
    vector = _vector(chain, others, asset_class, chain.feature.event)
    if vector is None:
        return Agreement(agrees=False, findings=["the raw frames make no such window"])
    findings = _differences(chain.feature.event["features"], vector)
    score = _score(bundle, vector) if bundle else None
    findings += _score_differs(chain, score)
    return Agreement(not findings, findings, len(vector), score)


def _unfit(chain: Chain, plant: Plant, bundle: Bundle | None) -> list[str]:
    """Return why what was then cannot be done again with what is here now."""
    found = []
    if chain.context and (then := chain.context[0].event["plant"]) != plant.version:
        found.append(f"plant model {then} was applied then, {plant.version} is here now: give the former file")
    model = chain.inference.event["model"] if chain.inference else None
    if bundle and model and bundle.ref.digest != model["digest"]:
        found.append(f"model {model['version']} spoke then, the bundle here is {bundle.ref.version}")
    return found


def _vector(
    chain: Chain, others: Sequence[Link], asset_class: AssetClass, window: Mapping[str, Any]
) -> dict[str, float | None] | None:
    """Return the window's features by name; None when its frames make no such window."""
    schema, own = event_schema(Frame, asset_class), {link.place for link in chain.raw}
    ordered = sorted((*others, *chain.raw), key=lambda link: link.place.first)
    frames = pl.DataFrame([{name: link.event.get(name) for name in schema} for link in ordered], schema=schema)
    known = [link.place in own for link in ordered]
    index, times = np.zeros(frames.height, np.int64), frames["time"].to_numpy()
    arrivals = Arrivals(
        index, times, frames["ingest_time"].to_numpy(), np.arange(frames.height), np.ones(frames.height, np.bool_)
    )
    inspected = Inspector(asset_class, 1).inspect(frames["values"], frames["status"], arrivals)
    told = {link.made_of: link.event.get("context") for link in chain.context}
    dtype = event_schema(ContextFrame, asset_class)["context"]
    context = pl.Series([told.get(link.place) for link in ordered], dtype=dtype)
    definition = asset_class.feature_definition
    inputs = judged_inputs(inspected.values, inspected.quality, context, definition)
    samples = frames.select("asset", "time", *inputs).filter(known)
    found = windows(samples, definition, asset_class.scan).filter(time=window["time"])
    return None if found.is_empty() else dict(found["features"][0])


def _differences(then: Mapping[str, float | None], now: Mapping[str, float | None]) -> list[str]:
    return [
        f"{name} was {then.get(name)}, is {now.get(name)}"
        for name in sorted(then.keys() | now.keys())
        if not _same(then.get(name), now.get(name))
    ]


def _same(then: float | None, now: float | None) -> bool:
    if then is None or now is None:
        return then is now
    return math.isclose(then, now, rel_tol=TOLERANCE, abs_tol=1e-12)


def _score(bundle: Bundle, vector: Mapping[str, float | None]) -> float:
    names = bundle.manifest.features
    row = [math.nan if (value := vector[name]) is None else value for name in names]
    scorer = Scorer(bundle.onnx, features=len(names), threads=1)
    return float(scorer.score(np.array([row], np.float32)).score[0])


def _score_differs(chain: Chain, score: float | None) -> list[str]:
    then = chain.inference.event["score"] if chain.inference else None
    if score is None or then is None or _same(then, score):
        return []
    return [f"the score was {then:.6g}, is {score:.6g}"]
