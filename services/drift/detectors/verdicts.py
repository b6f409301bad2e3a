"""What people say of alerts: whether a model's precision has fallen."""

from __future__ import annotations

import numpy as np

from services.drift.detectors.e_detector import EDetector, bernoulli_cumulants

#: Odds of a false alert that are bet on, over those that are promised: two, four and eight times as high.
ODDS = (2.0, 4.0, 8.0)


def verdict_detector(streams: int, precision: float) -> EDetector:
    """Return an `EDetector` of verdicts: 1 for an alert that was false, 0 for one that was real, NaN without a verdict.

    It gathers evidence that fewer alerts are real than *precision*. Each bet is a likelihood ratio of Bernoulli trials,
    and a mean of at most 1 holds for every precision that is no lower, so that the guarantee needs no assumption but
    that each verdict is false with no more than that probability, given those before. Verdicts are few: with a
    precision of .8 promised and .4 kept, `log(1 + 100)` takes about 25 of them.

    Literature: Reynolds and Stoumbos 1999, A CUSUM chart for monitoring a proportion when inspecting continuously;
    Shin, Ramdas and Rinaldo 2022. Good for what users notice; bad where only odd alerts are answered: those say
    nothing of the others. A missed fault has no verdict at all, so recall is not watched. State: 48 bytes a stream.

    Args:
        streams: number of models, or of assets.
        precision: least share of real alerts that is promised, above 0 and below 1.

    Raises:
        ValueError: *precision* is no such share.
    """
    if not 0 < precision < 1:
        raise ValueError(f"a precision lies above 0 and below 1, not at {precision}")
    tilts = np.log(np.array(ODDS))
    return EDetector(tilts, bernoulli_cumulants(tilts, np.full(streams, 1 - precision)))
