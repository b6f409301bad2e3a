"""A reference period becomes a calibration."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from andon.errors import DriftError
from services.drift.calibration.contract import patience
from services.drift.calibration.cumulants import cumulants, tilts
from services.drift.calibration.joint import Halves, precisions
from services.drift.calibration.model import POOL, SCORE, Calibration, Model
from services.drift.calibration.refusals import FEWEST, refuse_streams, windows_needed
from services.drift.calibration.scores import norm
from services.drift.calibration.stretches import stretches
from services.drift.calibration.whitened import ByMachine, Whitened, whiten
from services.drift.calibration.whitening import Floats

_KEYS = ("asset", "time", "regime", SCORE)


def calibrate(reference: pl.DataFrame, false_alarms: float, step: int) -> Calibration:
    """Learn what is normal, and set thresholds by a contract.

    Args:
        reference: `asset`, `time` (Int64, microseconds), `regime` (String; null: none), `score` (null or absent: not
            watched) and the features, floating point; of a period that was normal, in contiguous stretches.
        false_alarms: how many times drift may be reported in 30 days of a machine that has not changed.
        step: time between a machine's windows, microseconds.

    Raises:
        DriftError: nothing can be watched with this reference; says how much more it takes.
        ValueError: false_alarms or step is not positive.
    """
    run_length = patience(false_alarms, step)
    features = tuple(name for name in reference.columns if name not in _KEYS)
    has_score = SCORE in reference.columns and reference[SCORE].is_not_null().any()
    streams = (*features, SCORE) if has_score else features
    whitened, refusals = whiten(stretches(reference, list(streams), step), step)
    joint = precisions(
        {
            key: each.scores[:, : len(features)]
            for key, each in whitened.items()
            if key[0] != POOL or _alone(key, whitened)
        }
    )
    models = {key: _model(each, joint[key[1]], len(features), run_length) for key, each in whitened.items()}
    for (asset, regime), each in whitened.items():
        refusals += refuse_streams(asset, regime, streams, each.whitening, each.windows, step)
    models = {key: model for key, model in models.items() if model.watched.any()}
    if not models:
        raise DriftError("\n".join(["nothing can be watched for drift:", *(each.text for each in refusals)]))
    precision = {regime: halves.whole for regime, halves in joint.items()}
    return Calibration(features, streams, step, run_length, false_alarms, models, precision, tuple(refusals))


def _alone(key: tuple[str, str], whitened: ByMachine) -> bool:
    """Return whether no machine of the regime has a model of its own, so that the pool must tell the pattern."""
    return sum(regime == key[1] for _, regime in whitened) == 1


def _model(reference: Whitened, joint: Halves, features: int, run_length: float) -> Model:
    """Set one machine's thresholds."""
    level, square = reference.scores, reference.scores**2
    spread, distance = norm(square), joint.distances(reference.scores[:, :features])
    away = norm(distance)
    charts = np.column_stack([level, spread(square), away(distance)])
    tilt = tilts(max(reference.windows), run_length * charts.shape[1])
    charges = np.array([_charges(chart, tilt) for chart in charts.T])
    needed = np.array(windows_needed(reference.whitening))
    slow = (needed == 0) | (np.array(reference.windows) < needed)
    charges[: len(slow)][slow] = math.inf
    if features < 2:
        charges[-1] = math.inf  # one feature has no pattern with others
    return Model(
        reference.whitening,
        spread.mean,
        spread.scale,
        float(away.mean),
        float(away.scale),
        tilt,
        charges,
        reference.silence,
    )


def _charges(chart: Floats, tilt: Floats) -> Floats:
    """Return a chart's cumulants; infinite where the reference has too few scores of it."""
    scores = chart[np.isfinite(chart)]
    return cumulants(scores, tilt) if len(scores) >= FEWEST else np.full(len(tilt), math.inf)
