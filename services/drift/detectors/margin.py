"""How sure a model is, without anybody's verdict: the share of its scores that lie near the threshold."""

from __future__ import annotations

import numpy as np

from services.drift.detectors.detector import Floats
from services.drift.detectors.e_detector import EDetector, bernoulli_cumulants

#: Scores from this share of the threshold on are near it, up to as many times above.
NEAR = 0.8
#: Odds of a score near the threshold that are bet on, over the reference's.
ODDS = (2.0, 4.0, 8.0)


def in_margin(scores: Floats, threshold: float) -> Floats:
    """Return where scores lie near the threshold: 1, or else 0; NaN for no score.

    Args:
        scores: any shape, 0 or more, as models give them.
        threshold: the model's.
    """
    is_near = (scores >= NEAR * threshold) & (scores <= threshold / NEAR)
    return np.where(np.isnan(scores), np.nan, is_near.astype(np.float64))


def margin_detector(shares: Floats) -> EDetector:
    """Return an `EDetector` of `in_margin`'s values: evidence that more scores lie near the threshold than usual.

    An anomaly score is no probability, so performance cannot be estimated from it as it can from a calibrated
    classifier (CBPE). But a model that separates normal from faulty has few scores in between; when they gather
    there, its verdicts hang on small things, and it pays to ask people for theirs.

    Literature: Sethi and Kantardzic 2017, On the reliable detection of concept drift from streaming unlabeled data
    (margin density, MD3); Garg et al. 2022, Leveraging unlabeled data to predict out-of-distribution performance, for
    shares over a threshold as an estimate. Good as an early sign before verdicts come; blind when a change takes scores
    past the margin at once (which is an alert), or when faults start to look normal: no method without labels sees
    that. Scores of overlapping windows come in runs, so give it every window that does not overlap. State: 56 bytes a
    stream.

    Args:
        shares: ``[d]`` of the reference's scores that lie in the margin; 0 counts as one in a thousand.

    Raises:
        ValueError: there is a share that is not from 0 to below 1.
    """
    if not ((shares >= 0) & (shares < 1)).all():
        raise ValueError(f"shares lie from 0 to below 1, not {shares.min()} to {shares.max()}")
    tilts = np.log(np.array(ODDS))
    return EDetector(tilts, bernoulli_cumulants(tilts, np.maximum(shares, 1e-3)))
