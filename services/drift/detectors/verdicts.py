"""What people say of alerts: whether a model's precision has fallen."""

from __future__ import annotations

import numpy as np

from services.drift.detectors.detector import require_within
from services.drift.detectors.e_detector import EDetector, bernoulli_cumulants

#: Odds of a false alert that are bet on, over those that are promised: two, four and eight times as high.
ODDS = (2.0, 4.0, 8.0)


def verdict_detector(streams: int, precision: float) -> EDetector:
    """Return an `EDetector` of verdicts: 1 for an alert that was false, 0 for one that was real, NaN without a verdict.

    It gathers evidence that fewer alerts are real than *precision*. Each bet is a likelihood ratio of Bernoulli trials,
    and a mean of at most 1 holds for every precision that is no lower, so that the guarantee needs no assumption but
    that each verdict is false with no more than that probability, given those before. Verdicts are few:
    with a precision of .8 promised and .6 kept, `log(1 + 100)` takes 17 of them in half of all cases; with .8 kept, an
    alarm came every 140.

    Literature: Reynolds and Stoumbos 1999, A CUSUM chart for monitoring a proportion when inspecting continuously;
    Shin, Ramdas and Rinaldo 2022. Good for what users notice; bad where only odd alerts are answered: those say
    nothing of the others. A missed fault has no verdict at all, so recall is not watched. State: 56 bytes a stream.

    Args:
        streams: number of models, or of assets.
        precision: least share of real alerts that is promised, above 0 and below 1.

    Raises:
        ValueError: *precision* is no such share.
    """
    require_within("precision", precision, 0, 1)
    tilts = np.log(np.array(ODDS))
    return EDetector(tilts, bernoulli_cumulants(tilts, np.full(streams, 1 - precision)))
